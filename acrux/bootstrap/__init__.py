"""Build every object once and hand each what it needs."""
