"""The checks on network services, one per file."""
