"""Comparisons with published test suites and with other libraries that need no server of their own."""
