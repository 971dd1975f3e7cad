"""The products that banners name."""

from __future__ import annotations

from inspector import Product, products_in
from inspector_services.observations import Banners


def named_products(banners: Banners) -> tuple[Product, ...]:
    """The products that the banners of one address name; each banner speaks for itself alone."""
    return products_in(each.banner.seen.text for each in banners.ports if each.banner.seen is not None)
