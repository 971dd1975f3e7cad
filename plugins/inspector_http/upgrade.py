"""Whether browsers request what a page names over HTTPS, whatever the page says."""

from __future__ import annotations

from inspector_http.csp import ENFORCED, parse_meta_policies, parse_policies
from inspector_http.observations import Http

_DIRECTIVE = "upgrade-insecure-requests"


def upgrades_insecure_requests(http: Http) -> bool:
    """Whether an enforced policy says so (Upgrade Insecure Requests §3.1); raises ``NotSeen``."""
    if any(_DIRECTIVE in each.directives for each in parse_policies(http.field(ENFORCED))):
        return True
    return any(_DIRECTIVE in each.directives for each in parse_meta_policies(http.meta_policies.value))
