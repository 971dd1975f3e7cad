"""TLS inside other protocols: how it is negotiated, and whether commands sent before it are executed inside it."""
