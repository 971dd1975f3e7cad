"""Criteria that several checks share: trust, cipher suites, primes, stapling, client policies, several addresses."""
