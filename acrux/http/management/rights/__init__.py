"""Who may do what, what they did with it, and what a change would mean."""
