"""Copying a registry to another database, store and place for secrets."""
