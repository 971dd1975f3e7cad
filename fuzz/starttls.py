"""Fuzz what a server says before TLS, in every protocol: the dialogue goes on, is over, or fails.

``python -m fuzz.starttls``, see ``fuzz.tls``.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["inspector_tls.starttls"]):
    from inspector import ScanFailure
    from inspector_tls.starttls.negotiation import DIALOGUES, NEGOTIATION_BYTES, Names, Negotiation

from fuzz.material import edited

#: What servers say, one answer after another with a zero byte in between; binary ones have none in them.
_TEMPLATES = {
    "smtp": b"220 mx ESMTP\r\n\x00250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n\x00220 go\r\n",
    "lmtp": b"220 mx LMTP\r\n\x00250-mx\r\n250 STARTTLS\r\n\x00220 go\r\n",
    "imap": b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n\x00* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n\x00a2 OK\r\n",
    "pop3": b"+OK hi\r\n\x00+OK\r\nSTLS\r\n.\r\n\x00+OK\r\n",
    "sieve": b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n\x00OK "go"\r\n',
    "ftp": b"220 hi\r\n\x00234 go\r\n",
    "nntp": b"200 hi\r\n\x00101 list\r\nSTARTTLS\r\n.\r\n\x00382 go\r\n",
    "xmpp-client": b"<stream:stream><stream:features><starttls/></stream:features>\x00<proceed/>",
    "xmpp-server": b"<stream:stream><stream:features><starttls/></stream:features>\x00<proceed/>",
    "postgresql": b"S",
}
_SCHEMES = sorted(scheme.name for scheme in DIALOGUES)


def _answers(scheme: str, data: bytes) -> list[bytes]:
    """The bytes in pieces, each as long as the one byte before it says; or the template with edits."""
    template = _TEMPLATES.get(scheme)
    if template is not None and data[0] & 1:
        return edited(template, data[1:]).split(b"\x00")
    found, at = [], 1
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return found


def one_input(data: bytes) -> None:
    """Run a dialogue in some protocol."""
    if len(data) < 2:
        return
    scheme = _SCHEMES[data[0] % len(_SCHEMES)]
    negotiation = Negotiation(scheme, Names(host="www.example.vn", ehlo="inspector.example.vn"))
    received = 0
    with suppress(ScanFailure):
        for answer in _answers(scheme, data[1:]):
            assert len(negotiation.take()) < NEGOTIATION_BYTES
            if negotiation.is_ready:
                break
            negotiation.feed(answer)
            received += len(answer)
    assert received <= NEGOTIATION_BYTES


def main() -> None:
    """Run until libFuzzer has enough."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
