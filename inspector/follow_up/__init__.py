"""Follow-up: what was told to be mended, by when and by whom, as sealed records; the state of each, and reminders."""
