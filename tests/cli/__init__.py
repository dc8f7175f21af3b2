"""The commands on a data directory."""
