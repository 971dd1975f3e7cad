from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.exposure import exposure, undecided
from inspector_services.observations import AnonymousLogins, Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE

SERVICES = frozenset({"ftp", "mqtt", "mqtt-tls"})


@check(
    "no-anonymous-login",
    title="FTP and MQTT admit nobody without a name",
    references=("CWE-306", "CIS Controls v8 3.3"),
)
def no_anonymous_login(ports: OpenPorts, banners: Banners, logins: AnonymousLogins) -> Verdict:
    """An FTP server for guests, or an MQTT broker without credentials, gives what it holds to everybody, and often
    takes what everybody brings.

    The probe logs in without a name and leaves at once; it lists, reads and writes nothing.

    Remediation: refuse guests (ProFTPD without ``<Anonymous>``, MQTT brokers with a password file), or publish files
    over HTTPS.
    """
    admitted = {each.port: f"{each.port}/tcp ({each.protocol.value})" for each in logins.ports if each.admitted.seen}
    if admitted:
        facts = ("/ports", *ports.at(admitted))
        return failed("admits clients without a name: {measured}", measured=admitted.values(), facts=facts)
    for each in logins.ports:
        if each.admitted.unseen is not None:
            name = f"{each.port}/tcp ({each.protocol.value})"
            return inconclusive("did not answer the log-in: {measured}", measured=[name], cause=each.admitted.unseen)
    asked = {each.port for each in logins.ports}
    if missed := set(banners.ports_with(ServiceProtocol.FTP)) - asked:
        measured = [f"{port}/tcp (ftp)" for port in sorted(missed)]
        return inconclusive("was not asked: {measured}", measured=measured, cause=Cause.NOT_SELECTED)
    numbers = {each.port for each in NOTABLE.values() if each.service in SERVICES} - asked
    rest = undecided(exposure({ServiceProtocol.FTP}, numbers, ports, banners, beside=asked))
    if rest is not None:
        return rest
    if not asked:
        return not_applicable("no such service on the {scanned} TCP ports scanned", scanned=ports.scanned)
    names = [f"{each.port}/tcp ({each.protocol.value})" for each in logins.ports]
    return passed("refuses clients without a name: {measured}", measured=names, facts=("/ports",))
