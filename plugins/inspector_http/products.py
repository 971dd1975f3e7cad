"""What a reply says of the products behind it: their versions, and the marks of appliances."""

from __future__ import annotations

from urllib.parse import urlsplit

from inspector import Place, Product, products_in
from inspector_http.observations import Http

#: Fields in which products name themselves.
PRODUCT_FIELDS = ("server", "x-powered-by")


def named_products(http: Http) -> tuple[Product, ...]:
    """The products that one reply names; what one field says of a distribution holds for all of them."""
    values = [each.value for each in http.all_headers if each.name in PRODUCT_FIELDS]
    return products_in(["\n".join(values)])


def visible_marks(http: Http) -> dict[Place, tuple[str, ...]]:
    """The texts in which marks of appliances may stand, by place."""
    paths = (urlsplit(url).path for url in (http.url, *http.followed))
    return {
        Place.SERVER: tuple(each.value for each in http.all_headers if each.name == "server"),
        Place.COOKIE: tuple(each.name for each in http.all_cookies),
        Place.PATH: tuple(paths),
    }


def marked_products(http: Http, kind: str) -> list[str]:
    """The products that wrote what was received, whatever its status, as far as it is a page of this kind: ``listing``
    of a folder, ``default`` page, ``debug`` page.
    """
    page = http.any_page
    return [mark.partition(":")[2] for mark in (page.marks if page else ()) if mark.startswith(f"{kind}:")]
