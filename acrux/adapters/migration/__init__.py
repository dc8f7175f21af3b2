"""Copying a registry to another database, another store and another place for secrets."""
