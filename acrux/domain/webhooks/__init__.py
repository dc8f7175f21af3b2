"""Which events other programs are told of, and how."""
