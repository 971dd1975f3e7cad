"""What the TLS probe writes down; what the other probes of this plugin do stands beside them."""

from __future__ import annotations

from inspector_tls.enumeration.observations import (
    EphemeralPrime,
    Extensions,
    Offer,
    Offers,
    Preference,
    SpokenVersion,
    Tls,
    Tolerance,
    Versions,
)
from inspector_tls.wire.versions import TlsVersion

__all__ = [
    "EphemeralPrime",
    "Extensions",
    "Offer",
    "Offers",
    "Preference",
    "SpokenVersion",
    "Tls",
    "TlsVersion",
    "Tolerance",
    "Versions",
]
