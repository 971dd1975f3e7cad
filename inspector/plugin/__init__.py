"""What a plugin author writes: checks and probes, and the time limits that hold for them."""
