"""Trust material: roots and anchors, as settings name them and as a capture stores them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inspector.collect.collector import Trust
from inspector.declare.settings import Settings
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage


def load_trust(settings: Settings) -> dict[str, bytes]:
    """The trust material that settings point to, by name in the capture. Raises UsageError."""
    import certifi

    declared: list[bytes] = []
    try:
        for path in settings.trust_roots:
            members = sorted(path.glob("*.pem")) + sorted(path.glob("*.crt")) if path.is_dir() else [path]
            declared.extend(member.read_bytes() for member in members)
        public = (settings.public_roots or Path(certifi.where())).read_bytes()
    except OSError as error:
        raise UsageError(
            FormattedMessage(
                "trust roots cannot be read: {file}: {reason}", file=error.filename, reason=error.strerror
            ),
            remedy="correct trust_roots or public_roots in the settings",
        ) from None
    return {
        "declared-roots.pem": b"\n".join(declared),
        "public-roots.pem": public,
        "dnssec-anchors.txt": "\n".join(settings.dnssec_anchors).encode(),
    }


def trust_of(material: Mapping[str, bytes]) -> Trust:
    """Trust material as parsers take it."""
    anchors = material.get("dnssec-anchors.txt", b"").decode().splitlines()
    return Trust(
        declared_roots=material.get("declared-roots.pem", b""),
        public_roots=material.get("public-roots.pem", b""),
        dnssec_anchors=tuple(line for line in anchors if line.strip()),
    )
