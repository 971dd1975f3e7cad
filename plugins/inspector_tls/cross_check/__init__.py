"""sslyze enumerates versions, suites and groups on its own, and where it sees otherwise is told."""
