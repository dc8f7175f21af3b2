"""External issuers of tokens, and their keys."""
