"""Commands about space: what takes it, and how it comes back."""
