"""Checks of mail domains, one per file."""
