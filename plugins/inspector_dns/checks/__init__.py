"""The checks on names, zones and name servers, one per file."""
