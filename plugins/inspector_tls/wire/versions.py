"""The protocol versions of TLS and of SSL before it."""

from __future__ import annotations

from enum import StrEnum


class TlsVersion(StrEnum):
    """Protocol versions, oldest first."""

    SSL_2 = "SSLv2"
    SSL_3 = "SSLv3"
    TLS_1_0 = "TLSv1.0"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"

    @property
    def age(self) -> int:
        """0 for the oldest version, rising."""
        return list(TlsVersion).index(self)
