"""What strangers pushed, read for people."""
