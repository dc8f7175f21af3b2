"""The pages without a browser, in process."""
