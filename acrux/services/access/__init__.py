"""Accounts, logins, tokens, trusts and keys."""
