"""Worker processes for third-party scanners."""
