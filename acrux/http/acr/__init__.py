"""Azure Container Registry's own API: /acr/v1."""
