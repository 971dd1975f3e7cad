"""The checks of web endpoints, one per file."""
