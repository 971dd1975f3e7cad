"""The products that banners name, and what may be concluded where some name none."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import Cause, Outcome, Product, Verdict, inconclusive, product_named, products_in
from inspector_services.observations import Banner, Banners, OpenPorts
from inspector_services.port_roles import label


def _products(banner: Banner) -> Iterator[Product]:
    """What a banner names, in its text or in the fields that its protocol has for that."""
    named = product_named(banner.product, banner.version) if banner.product else None
    found = products_in([banner.text])
    yield from found
    if named is not None and named.name not in {each.name for each in found}:
        yield named


def named_products(banners: Banners) -> tuple[Product, ...]:
    """The products that the banners of one address name; each banner speaks for itself alone."""
    return tuple(
        sorted({product for each in banners.ports if each.banner.seen for product in _products(each.banner.seen)})
    )


def of_every_port(verdict: Verdict, ports: OpenPorts, banners: Banners) -> Verdict:
    """The verdict about these products, which is no *pass* where a port was not seen, or names no version."""
    if verdict.outcome is not Outcome.PASS:
        return verdict
    unread = next((banners.banner_of(port).unseen for port in ports.open if banners.banner_of(port).unseen), None)
    cause = ports.undetermined_cause or unread or banners.unreachable_cause
    if cause is not None:
        return inconclusive("not every port and banner was seen", cause=cause)
    silent = [
        label(each.port)
        for each in banners.ports
        if each.banner.seen and not any(product.version for product in _products(each.banner.seen))
    ]
    if silent:
        return inconclusive(
            "names no product with a version that could be compared: {measured}",
            measured=silent,
            cause=Cause.NOT_STATED,
        )
    return verdict
