"""The checks on the documents, one per file."""
