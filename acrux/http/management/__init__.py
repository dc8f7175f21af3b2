"""Accounts, scope maps, trusts, keys and the audit log: /management/v1."""
