"""Who may do what: scopes, grants, tokens, trusts, failed logins."""
