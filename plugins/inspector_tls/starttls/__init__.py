"""TLS inside other protocols: how it is negotiated, and whether commands sent before it survive into it."""
