"""The pages of who may do what, who did what, and why somebody was refused."""
