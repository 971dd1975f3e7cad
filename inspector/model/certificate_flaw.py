"""Why a client rejects the certificate of a server."""

from __future__ import annotations

from enum import StrEnum


class CertificateFlaw(StrEnum):
    """Why a client rejects a certificate. ``unknown-issuer``: only for want of a known root, which others may have."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    OTHER_NAME = "other-name"
    INVALID = "invalid"
    UNKNOWN_ISSUER = "unknown-issuer"
