from __future__ import annotations

import re

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, passed
from inspector_services.observations import OpenPorts
from inspector_services.port_roles import NOTABLE, label

HTTPS = 443
#: A normalised endpoint, which never names the scheme's own port.
_HTTPS_ENDPOINT = re.compile(r"https://(\[[^\]]*\]|[^:/]+)/")


@check(
    "ports-only-declared",
    title="No TCP port is open that is not declared",
    references=("NIST SP 800-53 CM-7", "CIS Controls v8 4.8"),
)
def ports_only_declared(ports: OpenPorts, declared: Declared, *, beside_https: tuple[int, ...] = (80,)) -> Verdict:
    """A service that nobody declared is a service that nobody answers for: it is forgotten by updates, monitoring and
    the security plan.

    The ports in ``beside_https`` count as declared where port 443 is, and an HTTPS endpoint there: whether they only
    redirect is judged with that endpoint.

    Remediation: switch the service off, let the firewall drop its port, or declare it with its purpose.
    """
    if not (declared.host_declared and declared.ports):
        return inconclusive("no ports are declared for this host", cause=Cause.AMBIGUOUS)
    expected = {each.port for each in declared.ports if each.protocol == "tcp"}
    if HTTPS in expected and any(_HTTPS_ENDPOINT.match(uri) for uri in declared.endpoints_here):
        expected.update(beside_https)
    surplus = [port for port in ports.open if port not in expected]
    if surplus:
        return failed("open, but not declared: {measured}", measured=map(label, surplus), facts=("/spans",))
    unseen = ports.unseen({*NOTABLE, *ports.dark} - expected)
    if unseen:
        return inconclusive(
            "whether {count} undeclared ports are open was not seen",
            count=len(unseen),
            cause=next(iter(unseen.values())),
        )
    return passed(
        "of {asked} TCP ports that were asked, only declared ones are open", asked=ports.asked, facts=("/spans",)
    )
