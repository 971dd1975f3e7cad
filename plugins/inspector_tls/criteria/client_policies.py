"""Client policies: how the clients of a protocol validate a certificate where that differs from a browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from inspector import Outcome, Verdict, failed, not_applicable
from inspector_tls.certificates.observations import Certificates
from inspector_tls.starttls.negotiation import LDAP, LDAPS, LMTP, MYSQL, POSTGRESQL, RDP, SMTP, XMPP_CLIENT, XMPP_SERVER

P = ParamSpec("P")

#: Protocols whose clients accept any certificate, or may accept it: between mail servers authentication is
#: opportunistic (RFC 7435), unless the receiving domain publishes DANE (RFC 7672) or MTA-STS (RFC 8461); XMPP servers
#: may ask back at the domain instead (RFC 6120 §13.7.1.3, XEP-0220).
_MESSAGES = {
    SMTP.name: "mail servers that deliver here accept any certificate, unless DANE or MTA-STS applies",
    XMPP_SERVER.name: "servers of other domains may accept any certificate and verify the domain by dialback",
}
#: Protocols whose clients are configured with the root that they trust, rather than with the browsers'.
_WITH_ROOTS_OF_THEIR_OWN = frozenset(scheme.name for scheme in (LDAP, LDAPS, LMTP, MYSQL, POSTGRESQL, RDP))
_NAMED_BY_DOMAIN = frozenset(scheme.name for scheme in (XMPP_CLIENT, XMPP_SERVER))


def where_clients_validate(check: Callable[P, Verdict]) -> Callable[P, Verdict]:
    """Turn a failure into *not applicable* where clients of the protocol accept the connection in spite of it.

    The first argument is the observation of certificates.
    """

    @wraps(check)
    def lenient_check(*arguments: P.args, **options: P.kwargs) -> Verdict:
        verdict = check(*arguments, **options)
        certificates = arguments[0]
        if verdict.outcome is Outcome.FAIL and isinstance(certificates, Certificates):
            return lenient(certificates, verdict) or verdict
        return verdict

    return lenient_check


def lenient(certificates: Certificates, failure: Verdict) -> Verdict | None:
    """The verdict in place of a failure that the clients of this protocol accept; None where they do not."""
    message = _MESSAGES.get(certificates.scheme)
    return None if message is None else not_applicable(message, facts=failure.facts)


def no_certificate(certificates: Certificates) -> Verdict:
    """The verdict over a server that presents none."""
    failure = failed("presents no certificate")
    return lenient(certificates, failure) or failure


def brings_own_roots(certificates: Certificates) -> bool:
    """Whether clients of this protocol are configured with trusted roots of their own."""
    return certificates.scheme in _WITH_ROOTS_OF_THEIR_OWN


def asks_for_domain(certificates: Certificates) -> bool:
    """Whether clients compare the certificate with the domain of an address, which may differ from the host's name.

    XMPP clients do (RFC 6120 §13.7.2.1); that domain is not declared.
    """
    return certificates.scheme in _NAMED_BY_DOMAIN
