"""What was decided and why, for questions that come later."""
