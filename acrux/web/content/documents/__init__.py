"""What strangers pushed, read for people: configurations, SBOMs, attestations."""
