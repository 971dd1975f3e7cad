"""The plugin's checks."""
