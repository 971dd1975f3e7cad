"""Checks of names, zones and name servers, one per file."""
