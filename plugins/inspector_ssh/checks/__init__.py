"""Checks of SSH servers, one per file."""
