"""Who asks, whether they may, and what they are told if not."""
