"""Many systems in one run, side by side in one event loop."""
