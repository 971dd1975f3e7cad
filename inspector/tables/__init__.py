"""Tables at hand: those that plugins ship, and those that were imported from signed files."""
