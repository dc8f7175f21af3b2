"""Accounts, rights and failed logins, in SQL."""
