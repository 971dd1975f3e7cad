"""The store: an index over an archive of sealed inspections, with the state of every failure and its history."""
