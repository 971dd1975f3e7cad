from __future__ import annotations

import re

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, passed
from inspector_services.observations import OpenPorts
from inspector_services.port_roles import NOTABLE, label

HTTPS = 443
#: A normalised HTTPS endpoint on the scheme's default port, which a normalised URI omits.
_HTTPS_ENDPOINT = re.compile(r"https://(\[[^\]]*\]|[^:/]+)/")


@check(
    "ports-only-declared",
    title="Only declared TCP ports are open",
    references=("NIST SP 800-53 CM-7", "CIS Controls v8 4.8"),
)
def ports_only_declared(ports: OpenPorts, declared: Declared, *, beside_https: tuple[int, ...] = (80,)) -> Verdict:
    """An undeclared service is missing from patch management, monitoring and the security plan, and widens the attack
    surface.

    The ports in ``beside_https`` count as declared when port 443 and an HTTPS endpoint on it are declared; whether they
    only redirect to HTTPS is checked at that endpoint.

    Remediation: disable the service, block the port at the firewall (``nft add rule inet filter input tcp dport PORT
    drop``), or declare the port with its purpose.
    """
    if not (declared.host_declared and declared.ports):
        return inconclusive("no ports are declared for this host", cause=Cause.AMBIGUOUS)
    expected = {each.port for each in declared.ports if each.protocol == "tcp"}
    if HTTPS in expected and any(_HTTPS_ENDPOINT.match(uri) for uri in declared.endpoints_here):
        expected.update(beside_https)
    undeclared = [port for port in ports.open if port not in expected]
    if undeclared:
        return failed("open, but not declared: {measured}", measured=map(label, undeclared), facts=ports.at(undeclared))
    unseen = ports.unseen({*NOTABLE, *ports.undetermined} - expected)
    if unseen:
        return inconclusive(
            "the state of {count} undeclared ports was not seen", count=len(unseen), cause=next(iter(unseen.values()))
        )
    return passed(
        "only declared ports are open among the {scanned} TCP ports scanned", scanned=ports.scanned, facts=("/groups",)
    )
