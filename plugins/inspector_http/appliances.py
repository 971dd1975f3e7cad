"""Appliances that a reply shows, as verdicts of several checks."""

from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, failed, passed
from inspector_http.applicability import answers
from inspector_http.observations import Http
from inspector_http.products import visible_marks


def none_recognised(role: ApplianceRole, http: Http, appliances: TableAt[Appliances]) -> Verdict:
    """Pass when nothing in what any visitor gets is a mark of an appliance of this role."""
    closed = answers(http)
    if closed is not None:
        return closed
    if found := appliances.entries.recognised(role, visible_marks(http)):
        return failed("recognised: {measured}", measured=found, facts=("/url", http.headers_fact, http.cookies_fact))
    http.require_page()
    _ = http.cookies.value  # which raises NotSeen: one of them may be a mark
    return passed("address, header fields and cookies show no sign of one", facts=("/headers", "/cookies"))
