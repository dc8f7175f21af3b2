"""Issuers of tokens from outside, and their keys."""
