"""Checks of the declaration, one per file."""
