"""Sending messages to the receivers of webhooks."""
