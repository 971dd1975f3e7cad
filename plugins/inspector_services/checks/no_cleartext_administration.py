from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.exposure import nameless
from inspector_services.observations import Greetings, OpenPorts, Protocol
from inspector_services.port_roles import Role, label, ports_of

CLEAR = frozenset({Protocol.TELNET, Protocol.FTP, Protocol.VNC})
MUTE = frozenset({Protocol.SILENT, Protocol.UNKNOWN})


@check(
    "no-cleartext-administration",
    title="No service offers administration in clear",
    references=("NIST SP 800-53 AC-17(2)", "CIS Controls v8 12.3"),
)
def no_cleartext_administration(ports: OpenPorts, greetings: Greetings) -> Verdict:
    """Telnet, the r-commands, FTP and VNC without encryption carry passwords that anybody on the path can read.

    Remediation: administer over SSH or a VPN and switch the old service off; transfer files by SFTP, or by FTPS that
    insists on TLS; tunnel VNC or let it demand TLS.
    """
    clear: list[str] = []
    doubtful: list[str] = []
    for each in greetings.ports:
        said = each.said.seen
        if said and said.protocol in CLEAR and said.in_clear is not False:
            (clear if said.in_clear else doubtful).append(f"{each.port}/tcp ({said.protocol.value})")
    if clear:
        return failed("offers administration in clear: {measured}", measured=clear, facts=("/ports",))
    for port in sorted(set(ports.open) & ports_of(Role.CLEAR_ADMINISTRATION)):
        said = greetings.said(port).seen
        if said is None or said.protocol in MUTE:
            doubtful.append(label(port))
    if doubtful:
        return inconclusive(
            "what answers did not show whether it encrypts: {measured}", measured=doubtful, cause=Cause.AMBIGUOUS
        )
    if unknown := nameless(greetings):
        return inconclusive(
            "open ports, and nothing shows what answers: {measured}", measured=unknown, cause=Cause.AMBIGUOUS
        )
    cause = (
        ports.blind or greetings.deaf or next(iter(ports.unseen(ports_of(Role.CLEAR_ADMINISTRATION)).values()), None)
    )
    if cause is not None:
        return inconclusive("not every service was seen", cause=cause)
    return passed("of {asked} TCP ports that were asked, none offers administration in clear", asked=ports.asked)
