"""Blobs and uploads as files."""
