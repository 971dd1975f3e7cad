"""The result of one source about a server, in the terms of all sources.

A source is what was expected, the inspection itself, or a tool. Names of facts:

    SSLv2 … TLSv1.3            whether the version is accepted
    suites VERSION             the cipher suites accepted: code points in hexadecimal
    groups VERSION             the groups of the key exchange: code points in hexadecimal
    preference VERSION         whose order of suites decides: server or client
    dh-bits                    sizes of the primes that came with ephemeral keys before TLS 1.3
    certificates               SHA-256 of the server's own certificates
    heartbleed, crime, …       whether the server is vulnerable: ``FLAWS``
    fallback-scsv, …           whether the server has the trait: ``TRAITS``

A fact that a source does not mention is unknown to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SSL_2, SSL_3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = VERSIONS = (
    "SSLv2",
    "SSLv3",
    "TLSv1.0",
    "TLSv1.1",
    "TLSv1.2",
    "TLSv1.3",
)
#: True: vulnerable.
FLAWS = (
    "heartbleed",
    "ccs-injection",
    "robot",
    "crime",
    "insecure-renegotiation",
    "client-renegotiation",
    "starttls-injection",
    "poodle",
    "drown",
    "freak",
    "logjam",
    "sweet32",
)
#: True: the server has it.
TRAITS = (
    "fallback-scsv",
    "early-data",
    "extended-master-secret",
    "bears-many-suites",
    "bears-long-hellos",
    "bears-unknown-values",
)


@dataclass(frozen=True, slots=True)
class Members:
    """Members of a set that were found, and all that the source could have named (None: whatever there is)."""

    found: frozenset[str]
    among: frozenset[str] | None = None

    def agrees(self, other: Members) -> bool:
        """Whether both name the same, of what both could have named."""
        return not self.beyond(other) and not other.beyond(self)

    def beyond(self, other: Members) -> frozenset[str]:
        """What this one names and the other, although it could have, does not."""
        more = self.found - other.found
        return more if other.among is None else more & other.among


Value = bool | str | Members
Facts = Mapping[str, Value]


def members(found: Iterable[str], among: Iterable[str] | None = None) -> Members:
    """A set of code points or digests."""
    return Members(frozenset(found), None if among is None else frozenset(among))


def agree(one: Value, other: Value) -> bool:
    """Whether two sources agree on one fact."""
    if isinstance(one, Members) and isinstance(other, Members):
        return one.agrees(other)
    return one == other


def difference(reported: Value, against: Value, name: Mapping[str, str]) -> str:
    """In one line how ``reported`` differs; ``name`` gives code points their names."""
    if isinstance(reported, Members) and isinstance(against, Members):
        more = [f"+{name.get(each, each)}" for each in sorted(reported.beyond(against))]
        less = [f"-{name.get(each, each)}" for each in sorted(against.beyond(reported))]
        return " ".join((*more, *less)) or "same"
    words = {True: "yes", False: "no"}
    return f"says {words.get(reported, reported)}, not {words.get(against, against)}"  # type: ignore[call-overload]
