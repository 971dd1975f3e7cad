from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.declared_services import KNOWN, declared_services, is_spoken
from inspector_services.exposure import name_of
from inspector_services.observations import Banners, OpenPorts, PortState


@check(
    "declared-protocol-spoken",
    title="Ports speak the protocol that is declared",
    references=("NIST SP 800-53 CM-8", "CIS Controls v8 4.8"),
)
def declared_protocol_spoken(ports: OpenPorts, banners: Banners, declared: Declared) -> Verdict:
    """A port that speaks another protocol than the declaration states hides a service from the security plan, such as
    remote administration on the port of a web server.

    The check covers open ports for which an endpoint or ``service`` states the protocol. The same protocol inside TLS
    counts as that protocol.

    Remediation: correct the endpoint or the ``service`` of the port in the declaration, or stop the other service.
    """
    stated = {port: service for port, service in declared_services(declared).items() if service in KNOWN}
    if not stated:
        return not_applicable("no protocol is declared for a port of this host")
    names = {port: f"{port}/tcp ({service})" for port, service in sorted(stated.items())}
    states = {port: ports.state(port) for port in names}
    answers = {port: banners.banner_of(port) for port in names if states[port].seen is PortState.OPEN}
    seen = {port: answer.seen for port, answer in answers.items() if answer.seen is not None}
    matches = {port: is_spoken(stated[port], banner) for port, banner in seen.items()}
    if other := {
        port: f"{port}/tcp ({stated[port]} → {'tls/' if banner.tls else ''}{name_of(banner)})"
        for port, banner in seen.items()
        if matches[port] is False
    }:
        return failed("declared → spoken: {measured}", measured=other.values(), facts=("/ports", *ports.at(other)))
    unseen = {names[port]: cause for port in names if (cause := states[port].unseen) is not None}
    unseen |= {names[port]: answer.unseen for port, answer in answers.items() if answer.unseen is not None}
    unseen |= {names[port]: Cause.TIMEOUT for port in names if states[port].seen is PortState.FILTERED}
    if unseen:
        first = next(iter(unseen.values()))
        return inconclusive("what is spoken there was not seen: {measured}", measured=unseen, cause=first)
    if doubtful := [names[port] for port in seen if matches[port] is None]:
        return inconclusive(
            "open, but nothing that was sent shows the declared protocol or another one: {measured}",
            measured=doubtful,
            cause=Cause.AMBIGUOUS,
        )
    if not seen:
        return inconclusive("no port with a declared protocol is open", cause=Cause.REFUSED)
    return passed("speaks what is declared: {measured}", measured=[names[port] for port in seen], facts=("/ports",))
