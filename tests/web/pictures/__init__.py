"""The pictures of the documents, and the registry that they show."""
