"""The embedded database: what carries statements out."""
