from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.exposure import UNIDENTIFIED, named, unidentified, unseen_cause
from inspector_services.observations import Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import Role, label, ports_of

CLEARTEXT = frozenset(
    {ServiceProtocol.ADMINISTRATION_PAGE, ServiceProtocol.FTP, ServiceProtocol.RLOGIN, ServiceProtocol.TELNET}
    | {ServiceProtocol.VNC, ServiceProtocol.X11}
)


@check(
    "no-cleartext-administration",
    title="No cleartext administration protocol is offered",
    references=("NIST SP 800-53 AC-17(2)", "CIS Controls v8 12.3"),
)
def no_cleartext_administration(ports: OpenPorts, banners: Banners) -> Verdict:
    """Telnet, rlogin, rsh, rexec, FTP, X11, VNC without encryption and administration pages over HTTP send passwords in
    cleartext; an attacker on the path can read them.

    Remediation: administer over SSH or a VPN and disable the old service; transfer files over SFTP, or over FTPS that
    requires TLS (vsftpd ``force_local_logins_ssl=YES``); run VNC through an SSH tunnel or require a TLS security type;
    serve administration pages over HTTPS only.
    """
    seen = ((each.port, each.banner.seen) for each in banners.ports)
    unencrypted = [(port, each) for port, each in seen if each and each.protocol in CLEARTEXT]
    if cleartext := {port: named(port, banner) for port, banner in unencrypted if banner.cleartext}:
        facts = ("/ports", *ports.at(cleartext))
        return failed("offers administration in cleartext: {measured}", measured=cleartext.values(), facts=facts)
    undecided = [named(port, banner) for port, banner in unencrypted if banner.cleartext is None]
    for port in sorted(set(ports.open) & ports_of(Role.CLEARTEXT_ADMINISTRATION)):
        banner = banners.banner_of(port).seen
        if banner is None or banner.protocol in UNIDENTIFIED:
            undecided.append(label(port))
    if undecided:
        return inconclusive(
            "open, but the server did not show whether it encrypts: {measured}",
            measured=undecided,
            cause=Cause.AMBIGUOUS,
        )
    if unknown := unidentified(banners):
        return inconclusive(
            "open, but no banner identifies the service: {measured}", measured=unknown, cause=Cause.AMBIGUOUS
        )
    cause = unseen_cause(ports_of(Role.CLEARTEXT_ADMINISTRATION), ports, banners)
    if cause is not None:
        return inconclusive("not every port and banner was seen", cause=cause)
    return passed("no cleartext administration on the {scanned} TCP ports scanned", scanned=ports.scanned)
