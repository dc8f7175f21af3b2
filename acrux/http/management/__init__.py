"""Accounts, scope maps, trusts, keys and the audit: /management/v1."""
