"""MTA-STS (RFC 8461): the policy of a mail domain, and the mail servers that it is about."""
