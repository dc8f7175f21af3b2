"""The metrics of all processes of a registry, for Prometheus."""
