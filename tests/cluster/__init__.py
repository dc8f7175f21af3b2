"""Several nodes on one PostgreSQL and one object store."""
