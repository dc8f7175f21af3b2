"""Webhooks and the events that wait for them: statements."""
