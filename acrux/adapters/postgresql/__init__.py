"""PostgreSQL, which runs the same statements for several machines."""
