from __future__ import annotations

from inspector import EndOfSupport, TableAt, Verdict, check, support_verdict
from inspector_services.observations import Banners, OpenPorts
from inspector_services.products import named_products, of_every_port


@check(
    "services-supported",
    title="Software of open ports is still supported",
    references=("NIST SP 800-53 SA-22", "CIS Controls v8 2.2"),
)
def services_supported(ports: OpenPorts, banners: Banners, table: TableAt[EndOfSupport]) -> Verdict:
    """Nobody publishes fixes for software that is out of support: every vulnerability found from then on stays.

    The version is what the server says of itself. A distribution may fix a version for years without changing it; where
    that cannot be excluded, only the list of installed packages tells.

    Remediation: upgrade to a supported release, or use the packages of a supported distribution and install its
    updates; close what nobody needs from outside.
    """
    return of_every_port(support_verdict(named_products(banners), table, ("/ports",)), ports, banners)
