"""The registry's pages, for browsers."""
