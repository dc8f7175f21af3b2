"""Authentication and authorization of requests, and their challenges."""
