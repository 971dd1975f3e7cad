"""What tables say of the products that a server names, as verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from inspector.model.base import Cause
from inspector.model.table import TableAt
from inspector.model.verdict import Verdict, failed, inconclusive, passed
from inspector.products.exploited import KnownExploited
from inspector.products.recognition import Product
from inspector.products.support import EndOfSupport, Support, by_support

_SILENT = "names no product with a version that could be compared"


def support_verdict(products: Sequence[Product], table: TableAt[EndOfSupport], facts: Sequence[str]) -> Verdict:
    """Whether the maker or the distribution still supports what the server names, on the day it was seen."""
    found = by_support(table.entries, products, table.seen_on)
    if ended := found.get(Support.ENDED):
        return failed(
            "out of support, to be verified, because back-ported fixes cannot be excluded: {measured}",
            measured=[_ended(each, since) for each, since in ended],
            facts=tuple(facts),
        )
    if packaged := found.get(Support.PACKAGED):
        return inconclusive(
            "a distribution may have fixed it without another version: {measured}",
            measured=_titles(packaged),
            cause=Cause.AMBIGUOUS,
        )
    if extended := found.get(Support.EXTENDED):
        return inconclusive(
            "supported under an extended contract or in some editions only: {measured}",
            measured=[_ended(each, since) for each, since in extended],
            cause=Cause.AMBIGUOUS,
        )
    if unlisted := found.get(Support.UNLISTED):
        return inconclusive(
            "the table has no end of support of this version: {measured}",
            measured=_titles(unlisted),
            cause=Cause.AMBIGUOUS,
        )
    if not products or Support.UNNUMBERED in found:
        return inconclusive(_SILENT, cause=Cause.NOT_STATED)
    return passed(
        "supported on the day it was seen: {measured}",
        measured=_titles(found[Support.SUPPORTED]),
        facts=tuple(facts),
    )


def _ended(product: Product, since: date | None) -> str:
    return f"{product.title}: {since.isoformat()}" if since else product.title


def _titles(found: Iterable[tuple[Product, date | None]]) -> list[str]:
    return [product.title for product, _ in found]


def exploited_verdict(
    products: Sequence[Product],
    exploited: TableAt[KnownExploited],
    support: TableAt[EndOfSupport],
    facts: Sequence[str],
) -> Verdict:
    """Whether a vulnerability that is known to be exploited affects a version that the server names."""
    numbered = [each for each in products if each.version]
    certain: list[str] = []
    doubtful: list[str] = []
    for product in numbered:
        for each in exploited.entries.vulnerabilities(product):
            affects = each.affects(product)
            if affects is not False:
                packaged = support.entries.may_have_fixed(product, each.known_since)
                (certain if affects and not packaged else doubtful).append(f"{product.title}: {each.cve}")
    if certain:
        return failed(
            "known to be exploited, to be verified, because back-ported fixes and settings cannot be seen: {measured}",
            measured=certain,
            facts=tuple(facts),
        )
    if doubtful:
        return inconclusive(
            "known to be exploited, but a distribution may have fixed it, or it concerns another platform: {measured}",
            measured=doubtful,
            cause=Cause.AMBIGUOUS,
        )
    if unlisted := [each.title for each in numbered if not exploited.entries.has(each)]:
        return inconclusive(
            "the table was not made for this product: {measured}", measured=unlisted, cause=Cause.AMBIGUOUS
        )
    if newer := [each.title for each in numbered if not exploited.entries.was_out(each)]:
        return inconclusive(
            "the version is newer than the table, or nothing shows that it is not: {measured}",
            measured=newer,
            cause=Cause.AMBIGUOUS,
        )
    if not products or len(numbered) < len(products):
        return inconclusive(_SILENT, cause=Cause.NOT_STATED)
    return passed(
        "no known exploited vulnerability is listed for {measured}",
        measured=[each.title for each in numbered],
        facts=tuple(facts),
    )
