"""Plugins: hook specifications, the registry and the lock. The only package that uses pluggy."""
