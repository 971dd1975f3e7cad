"""TLS that is asked for inside another protocol (STARTTLS and its like): schemes, and how to get to the first hello."""
