"""The registry's own secrets in the database, sealed."""
