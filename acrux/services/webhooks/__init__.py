"""Webhooks: managing them, and delivering their events."""
