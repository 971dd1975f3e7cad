"""COLLECT: scan tasks become evidence."""
