"""The checks on mail domains, one per file."""
