"""Known attacks on TLS servers, tested with sslyze in a worker process and assessed by the bytes received."""
