"""The TLS context of a client that accepts any server."""

from __future__ import annotations

import ssl

#: All cipher suites of the linked OpenSSL, whatever their strength.
ANY_SUITE = "ALL:@SECLEVEL=0"


def permissive_tls_context(suites: str = ANY_SUITE) -> ssl.SSLContext:
    """A new client context that accepts every version, these cipher suites (OpenSSL's notation) and any certificate.

    It verifies nothing: what a server offers is assessed by checks, not by the connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers(suites)
    return context
