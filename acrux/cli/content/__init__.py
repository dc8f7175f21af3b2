"""Commands about what a registry holds, named and shaped as in az acr."""
