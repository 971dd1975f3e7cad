"""What is parsed of certificates as if a server had presented them, where no server does."""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding

from inspector import Answer, ParseContext, Raw, ScanOutput, Subject, SubjectKind
from inspector.model.base import now
from inspector_tls.certificates.handshake import HandshakeEnd
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.parsing import HANDSHAKES, Handshake, Handshakes, parse
from tests.plugins.inspector_tls.authority import Identity


def parsed(
    identity: Identity,
    *,
    declared: bytes = b"",
    public: bytes = b"",
    at: datetime | None = None,
    host: str = "www.example.vn",
) -> Certificates:
    """The observation of a server that presents this identity to every client."""
    sent = [identity.der, *(each.public_bytes(Encoding.DER) for each in identity.chain)]
    digests = tuple(hashlib.sha256(each).hexdigest() for each in sent)
    made = tuple(
        Handshake(
            profile=HelloProfile.TLS_1_3,
            kind=kind,
            end=HandshakeEnd.PRESENTED,
            version=0x0304,
            chain=digests,
            staple=Answer(seen=None),
        )
        for kind in CertificateKind
    )
    recorded = Handshakes(server_name=host, made=made).canonical()
    files = (
        Raw(name=f"{digest}.der", data=data, media_type="application/pkix-cert")
        for digest, data in zip(digests, sent, strict=True)
    )
    output = ScanOutput(raw=(Raw(name=HANDSHAKES, data=recorded, media_type="application/json"), *files))
    subject = Subject(kind=SubjectKind.ADDRESS, uri=f"https://{host}/", scheme="https", host=host, port=443)
    return parse(output, ParseContext(subject, at or now(), declared, public))
