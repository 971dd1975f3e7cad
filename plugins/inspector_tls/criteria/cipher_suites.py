"""Criteria of cipher suites: which are accepted, whether all were seen, and their classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inspector_tls.observations import Tls, TlsVersion
from inspector_tls.starttls.negotiation import SMTP
from inspector_tls.wire.code_points import Suite


def accepted_suites(
    tls: Tls, condition: Callable[[Suite], bool], versions: Iterable[TlsVersion] = TlsVersion
) -> tuple[str, ...]:
    """The names of the accepted suites of these versions that meet a condition, each once, as far as seen."""
    found = (suite for version in versions for suite in tls[version].accepted_suites)
    return tuple(dict.fromkeys(suite.name for suite in found if condition(suite)))


def every_suite(tls: Tls, versions: Iterable[TlsVersion] = TlsVersion) -> tuple[str, ...]:
    """The names of all suites that these versions accept, each once; raises ``NotSeen`` where one may be missing."""
    chosen = tuple(versions)
    for version in chosen:
        support = tls[version]
        _ = support.accepted.value, support.suites.complete.value
    return accepted_suites(tls, lambda _suite: True, chosen)


def is_cbc(suite: Suite) -> bool:
    """Whether the cipher runs in cipher block chaining mode."""
    return suite.mode == "CBC"


def has_forward_secrecy(suite: Suite) -> bool:
    """Whether recorded sessions stay secret when a key is stolen later; so do those of password-based exchanges."""
    return suite.has_forward_secrecy or suite.key_exchange in {"SRP", "ECCPWD"}


def does_not_encrypt(suite: Suite) -> bool:
    """Whether the traffic is sent in clear text."""
    return suite.cipher == "NULL"


def is_unprotected(suite: Suite) -> bool:
    """Whether it does not encrypt, or does not authenticate the server."""
    return does_not_encrypt(suite) or is_anonymous(suite)


def is_anonymous(suite: Suite) -> bool:
    """Whether it does not authenticate the server."""
    return suite.authentication == "anon" and suite.key_exchange != "SRP"


def exempts_anonymous(tls: Tls) -> bool:
    """Whether anonymous suites are as good as others: between mail servers, which validate nothing (RFC 7435)."""
    return tls.scheme == SMTP.name


def is_strong(suite: Suite) -> bool:
    """Whether it is an AEAD suite with forward secrecy and an authenticated server."""
    return suite.is_aead and has_forward_secrecy(suite) and not is_unprotected(suite)
