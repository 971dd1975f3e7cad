"""Checks of network services, one per file."""
