"""Blobs and uploads in an object store."""
