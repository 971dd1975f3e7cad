"""Appliances that open ports show, as verdicts of several checks."""

from __future__ import annotations

from inspector import ApplianceRole, Appliances, Place, TableAt, Verdict, failed, inconclusive, passed
from inspector_services.exposure import unseen_cause
from inspector_services.observations import Banners, OpenPorts


def none_recognised(
    role: ApplianceRole, ports: OpenPorts, banners: Banners, appliances: TableAt[Appliances]
) -> Verdict:
    """Pass when nothing that an open port sends to anybody who connects is a mark of an appliance of this role."""
    if found := appliances.entries.recognised(role, _visible(banners)):
        return failed("recognised: {measured}", measured=found, facts=("/ports",))
    unread = next((cause for port in ports.open if (cause := banners.banner_of(port).unseen) is not None), None)
    cause = unread or unseen_cause((), ports, banners)
    if cause is not None:
        return inconclusive("not every port and banner was seen", cause=cause)
    return passed("no open port sends a mark of such an appliance", facts=("/ports",))


def _visible(banners: Banners) -> dict[Place, list[str]]:
    """The texts in which marks may stand, by place."""
    seen = [each.banner.seen for each in banners.ports if each.banner.seen is not None]
    return {
        Place.BANNER: [each.text for each in seen],
        Place.SERVER: [each.server for each in seen if each.server],
        Place.TITLE: [each.title for each in seen if each.title],
        Place.CERTIFICATE: [attribute for each in seen for attribute in each.subject],
    }
