"""The same pages in process, without a browser."""
