from __future__ import annotations

from inspector import Verdict, check
from inspector_services.udp_exposure import none_answered
from inspector_services.udp_observations import UdpExposure


@check(
    "no-open-resolver",
    title="No DNS server resolves names for everybody",
    references=("RFC 5358", "NIST SP 800-81r3"),
)
def no_open_resolver(exposure: UdpExposure) -> Verdict:
    """A resolver that answers everybody amplifies attacks on others and lets strangers fill its cache.

    Remediation: let it resolve for its own networks only (Unbound ``access-control``), or switch recursion off on an
    authoritative server.
    """
    return none_answered(exposure.answers("recursion"), ("/recursion", "/elsewhere"))
