"""The checks on known vulnerabilities of TLS servers, one per file."""
