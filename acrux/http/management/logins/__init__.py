"""Logins that failed, and tokens that nobody has relied on yet."""
