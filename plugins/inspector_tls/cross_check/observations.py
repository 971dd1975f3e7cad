"""What sslyze saw when it asked for every suite and group by itself, and how that differs from the enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from inspector import Answer, Model, Observation
from inspector_tls.observations import TlsVersion


class Heard(Model):
    """What was asked one by one: what the server accepted, and what it refused by an answer.

    ``complete`` is unseen where a question got neither: it timed out, was reset, or its answer made no sense. What
    sslyze cannot ask stands nowhere here.
    """

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    complete: Answer[bool]


class CrossCheckedVersion(Model):
    """One version: its suites and its groups, by the names of the enumeration."""

    version: TlsVersion
    suites: Heard
    groups: Heard


class TlsCrossCheck(Observation):
    """Versions, suites and groups of one port at one address, as sslyze's OpenSSL sees them.

    Groups are asked of TLS 1.3 and of TLS 1.2; of TLS 1.2 only where RSA certificates are used, since OpenSSL offers
    the group in question alone, and a server whose certificate has a key on another curve refuses then.
    """

    kind: ClassVar[str] = "tls-cross-check/1"

    server_name: str | None
    versions: tuple[CrossCheckedVersion, ...]

    @property
    def gaps(self) -> Iterator[tuple[str, Answer[bool]]]:
        """Each question without an answer, in words."""
        for each in self.versions:
            for what, heard in (("suites", each.suites), ("groups", each.groups)):
                if not heard.complete.is_seen:
                    yield f"{what} of {each.version.value}", heard.complete
