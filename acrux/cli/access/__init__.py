"""Commands about who may do what in this registry."""
