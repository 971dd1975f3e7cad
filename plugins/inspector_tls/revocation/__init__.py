"""Whether issuers have revoked the certificates presented, by their OCSP responders and revocation lists."""
