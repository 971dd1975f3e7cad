"""Known attacks on TLS servers, tried with sslyze in a worker process, and judged by what was really asked."""
