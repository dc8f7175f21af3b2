"""Tokens for credentials: /oauth2."""
