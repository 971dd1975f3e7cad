"""The TLS context of a client that accepts any server."""

from __future__ import annotations

import ssl
from functools import lru_cache

#: Connect to servers without secure renegotiation; the ssl module names it from Python 3.12 on.
_OP_LEGACY_SERVER_CONNECT = getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
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


def http_context(*, http2: bool = True) -> ssl.SSLContext:
    """A new client context for HTTP that accepts any server, however old, and any certificate.

    It offers HTTP/2 and HTTP/1.1 as browsers do, or the latter alone.
    """
    context = permissive_tls_context()
    context.options |= _OP_LEGACY_SERVER_CONNECT
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context


@lru_cache(maxsize=1)
def tolerant_context() -> ssl.SSLContext:
    """The shared context of ``http_context``."""
    return http_context()
