"""Rounds of inspections over many systems: which, when, in which order, and what became of each."""
