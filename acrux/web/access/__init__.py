"""The pages of rights, and of what was decided about them."""
