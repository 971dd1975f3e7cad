"""Which certification authorities may issue a host's certificates, by its CAA records."""
