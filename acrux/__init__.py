"""A self-hosted container registry that speaks ACR's protocol."""

__version__ = "0.1.0"
