"""Exchanges as they are recorded: received bytes, with every secret replaced before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from inspector import Answer, Cause, CertificateFlaw, Model

#: Header fields whose value is a secret by its name.
_SECRET = re.compile(
    rb"authorization|authentication-info|token|secret|api-?key|session|csrf|xsrf|jwt|credential|password", re.IGNORECASE
)
_COOKIE = frozenset({b"set-cookie", b"set-cookie2"})
#: Header fields with URLs, whose parameters may hold session ids and tokens.
_URLS = frozenset({b"content-location", b"link", b"location", b"refresh"})
_PARAMETERS = re.compile(rb"(?<=[?#;])[^\s<>\",]+")
#: Cookie values of fewer bytes occur elsewhere by chance.
_LEAST_SECRET_BYTES = 8


class Exchange(Model):
    """One request and its reply. The bytes of the head are given as Latin-1 text, so that none is lost.

    ``malformed`` holds field lines that no client can use, each as its fingerprint: nothing shows which part is secret.
    ``body_bytes`` of the body were read, as transferred; all of it if ``body_complete``. ``cause`` and ``detail``
    explain why there is no reply, ``body_cause`` why its body was not read to the bound.
    """

    url: str
    status: int | None = None
    version: str = ""
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    malformed: tuple[str, ...] = ()
    body_bytes: int = 0
    body_sha256: str = ""
    body_complete: bool = False
    body_cause: Cause | None = None
    cause: Cause | None = None
    detail: str = ""


class Exchanges(Model):
    """All exchanges of one scan: along the redirects, and with the same port in the other of HTTP and HTTPS.

    ``certificate`` is why clients reject the port's certificate, None where they do not. ``leads_outside``: the last
    one redirects to a host that is not declared.
    """

    followed: tuple[Exchange, ...]
    other: Exchange | None = None
    certificate: Answer[CertificateFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)
    leads_outside: bool = False


class Redaction:
    """Replaces secrets with their fingerprints: those of cookies also where they occur in later replies."""

    def __init__(self, fingerprint: Callable[[bytes], str]) -> None:
        self._fingerprint = fingerprint
        self._known: dict[bytes, bytes] = {}

    def headers(self, fields: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
        """The header fields with their secrets replaced, as text."""
        replaced = [(name, self._value(name.lower(), value)) for name, value in fields]
        return tuple((name.decode("latin-1"), self._replace_known(value).decode("latin-1")) for name, value in replaced)

    def lines(self, lines: Iterable[bytes]) -> tuple[str, ...]:
        """The fingerprints of whole lines."""
        return tuple(self._mark(line).decode() for line in lines)

    def url(self, url: str) -> str:
        """A URL with the secrets in its parameters replaced."""
        return self._replace_known(self._parameters(url.encode())).decode()

    def _value(self, name: bytes, value: bytes) -> bytes:
        if name in _COOKIE:
            return self._cookie(value)
        if _SECRET.search(name):
            return self._mark(value)
        return self._parameters(value) if name in _URLS else value

    def _cookie(self, value: bytes) -> bytes:
        pair, semicolon, attributes = value.partition(b";")
        name, secret = pair.split(b"=", 1) if b"=" in pair else (b"", pair)
        secret = secret.strip()
        mark = self._mark(secret)
        if len(secret) >= _LEAST_SECRET_BYTES:
            self._known[secret] = mark
        return name + b"=" + mark + semicolon + attributes

    def _parameters(self, value: bytes) -> bytes:
        return _PARAMETERS.sub(lambda found: self._mark(found.group()), value)

    def _replace_known(self, value: bytes) -> bytes:
        for secret, mark in self._known.items():
            value = value.replace(secret, mark)
        return value

    def _mark(self, secret: bytes) -> bytes:
        """The fingerprint in a form that cannot be taken for a cookie attribute."""
        return self._fingerprint(secret).replace(";", ",").encode()
