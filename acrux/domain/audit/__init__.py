"""What was decided and why, for whoever asks later."""
