"""The checks on TLS and certificates, one per file."""
