"""The checks on the papers, one per file."""
