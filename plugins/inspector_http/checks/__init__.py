"""The checks on web endpoints, one per file."""
