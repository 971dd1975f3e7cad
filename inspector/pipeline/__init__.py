"""One inspection from its documents to its reports."""
