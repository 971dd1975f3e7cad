from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.exposure import exposure, undecided
from inspector_services.observations import Banners, MailRelays, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE

SERVICES = frozenset({"smtp", "smtps", "submission", "submissions"})


@check(
    "no-open-relay",
    title="SMTP servers relay for nobody whom they do not know",
    references=("RFC 5068 §3.1", "RFC 5321 §7.9", "CIS Controls v8 4.8"),
)
def no_open_relay(ports: OpenPorts, banners: Banners, relays: MailRelays) -> Verdict:
    """A mail server that takes mail from anybody to anywhere is found within hours and used for spam and phishing in
    its owner's name; its address is then blocked, and its own mail is refused.

    The probe names a recipient of a domain reserved for documentation, without a log-in, and leaves before any message:
    that it was taken does not show that a message would be delivered.

    Remediation: relay only for clients that have logged in and for one's own networks (Postfix
    ``smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination``).
    """
    taken = [each.port for each in relays.ports if each.relays.seen]
    if taken:
        facts = ("/ports", *ports.at(taken))
        return failed(
            "takes a recipient elsewhere without a log-in: {measured}", measured=map(_name, taken), facts=facts
        )
    for each in relays.ports:
        if each.relays.unseen is not None:
            return inconclusive(
                "neither took the recipient nor said that it does not relay: {measured}",
                measured=[_name(each.port)],
                cause=each.relays.unseen,
            )
    asked = {each.port for each in relays.ports}
    if missed := set(banners.ports_with(ServiceProtocol.SMTP)) - asked:
        measured = map(_name, sorted(missed))
        return inconclusive("was not asked: {measured}", measured=measured, cause=Cause.NOT_SELECTED)
    numbers = {each.port for each in NOTABLE.values() if each.service in SERVICES}
    rest = undecided(exposure({ServiceProtocol.SMTP}, numbers, ports, banners))
    if rest is not None:
        return rest
    if not asked:
        return not_applicable("no such service on the {scanned} TCP ports scanned", scanned=ports.scanned)
    return passed("refuses recipients elsewhere: {measured}", measured=map(_name, sorted(asked)), facts=("/ports",))


def _name(port: int) -> str:
    return f"{port}/tcp (smtp)"
