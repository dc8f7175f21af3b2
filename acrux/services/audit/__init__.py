"""Who did what, and why somebody was refused."""
