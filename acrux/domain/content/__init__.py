"""What a registry holds: names, digests, manifests, uploads."""
