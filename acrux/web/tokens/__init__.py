"""The pages that show what a token says, and how one is got."""
