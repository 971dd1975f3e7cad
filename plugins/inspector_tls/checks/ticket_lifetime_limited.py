"""The lifetime of session tickets."""

from inspector import Answer, Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.resumption.observations import TlsResumption

#: The maximum in seconds of TLS 1.3: seven days (RFC 8446 §4.6.1).
_MOST_IN_TLS_1_3 = 604_800


@check(
    "ticket-lifetime-limited",
    title="Session ticket lifetime is limited",
    references=("RFC 9325 §3.4", "RFC 5077 §3.3", "RFC 8446 §4.6.1"),
)
def ticket_lifetime_limited(resumption: TlsResumption, *, longest_hours: int = 24) -> Verdict:
    """A server keeps the key that encrypts its session tickets at least as long as they are valid. With that key an
    attacker decrypts recorded sessions up to TLS 1.2, with forward secrecy or without, and impersonates the server in
    TLS 1.3. How often the server rotates the key cannot be seen from outside.

    Remediation: shorten the session lifetime to a day or less and rotate the key at least that often, or disable
    tickets.
    """
    allowed = longest_hours * 3600
    verdict = _too_long(resumption.psk_seconds, min(allowed, _MOST_IN_TLS_1_3), "/psk_seconds") or _too_long(
        resumption.ticket_seconds, allowed, "/ticket_seconds"
    )
    if verdict is not None:
        return verdict
    ticket, psk = resumption.ticket_seconds.value, resumption.psk_seconds.value
    if ticket == 0:
        return inconclusive(
            "issues session tickets without a lifetime, which leaves it to the client",
            cause=Cause.AMBIGUOUS,
            facts="/ticket_seconds",
        )
    given = [seconds for seconds in (ticket, psk) if seconds is not None]
    if not given:
        return not_applicable("issues no session tickets", facts=("/ticket_seconds", "/psk_seconds"))
    return passed(
        "session tickets are valid for at most {measured}",
        measured=_seconds(max(given)),
        facts=("/ticket_seconds", "/psk_seconds"),
    )


def _too_long(lifetime: Answer[int | None], allowed: int, where: str) -> Verdict | None:
    if lifetime.seen is None or lifetime.seen <= allowed:
        return None
    return failed(
        "session tickets are valid for {measured}; allowed is {threshold}",
        measured=_seconds(lifetime.seen),
        threshold=_seconds(allowed),
        facts=where,
    )


def _seconds(value: int) -> Quantity:
    return Quantity(value=value, unit="second")
