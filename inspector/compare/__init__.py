"""Findings of two inspections compared, and the baseline of known failures: pure functions over findings."""
