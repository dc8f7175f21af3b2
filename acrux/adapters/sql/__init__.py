"""The text of every statement, and what its rows mean."""
