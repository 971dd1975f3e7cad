"""Connections: streams and single round trips."""
