"""Where a credential becomes a token: /oauth2."""
