"""What is wrong with the rows, and how they are corrected."""
