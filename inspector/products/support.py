"""The table of ends of support, and what it says of a product on a day.

A version that a supported distribution still packages may have every fix without a change of its number: that it is
out of its maker's support is then no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import ClassVar

from inspector.model.base import Model
from inspector.model.table import TableEntries
from inspector.products.recognition import Product
from inspector.products.version import VersionText, is_within


class Support(StrEnum):
    """What is known of the support of a version on a day.

    ``packaged``: a distribution that is itself supported has, or may have, fixes of its own; ``extended``: only under
    a contract, or for some editions; ``unlisted``: the table does not have it; ``unnumbered``: no version was named.
    """

    SUPPORTED = "supported"
    ENDED = "ended"
    PACKAGED = "packaged"
    EXTENDED = "extended"
    UNLISTED = "unlisted"
    UNNUMBERED = "unnumbered"


class SupportCycle(Model):
    """One release of a product, by the beginning of its versions, or of a distribution.

    ``ends`` is the last day of its general support (None: not announced, or not ended, on the table's day),
    ``extended`` the last day of what some get beyond that. ``packages`` are, for a distribution, the versions of
    products that this release packages (the beginnings of them suffice).
    """

    product: str
    cycle: str
    ends: date | None = None
    extended: date | None = None
    packages: dict[str, tuple[VersionText, ...]] = {}

    def support(self, on: date) -> Support:
        """The support of this release itself on a day."""
        if self.ends is None or on <= self.ends:
            return Support.SUPPORTED
        return Support.EXTENDED if self.extended is not None and on <= self.extended else Support.ENDED

    def is_in_support_after(self, day: date) -> bool:
        """Whether somebody had support for this release after a day."""
        last = self.extended or self.ends
        return last is None or last >= day

    def has_package(self, product: Product) -> bool:
        """Whether this release packages that version, as far as it is named."""
        packaged = self.packages.get(product.name)
        if packaged is None:
            return False
        return any(is_within(product.version, each) or is_within(each, product.version) for each in packaged)


class EndOfSupport(TableEntries):
    """The ends of support of products and distributions."""

    kind: ClassVar[str] = "end-of-support/1"

    entries: tuple[SupportCycle, ...]

    def support(self, product: Product, on: date) -> tuple[Support, date | None]:
        """The support of a product on a day, and since when it has none."""
        if not product.version:
            return Support.UNNUMBERED, None
        if product.distribution:
            return self.support_of_packager(product, on)
        cycle = self._cycle(product)
        if cycle is None:
            return Support.UNLISTED, None
        own = cycle.support(on)
        if own is Support.ENDED and self.may_be_packaged(product, on):
            return Support.PACKAGED, cycle.ends
        return own, cycle.ends

    def support_of_packager(self, product: Product, on: date) -> tuple[Support, date | None]:
        """Whether the distribution that a product names is out of support; packaged where it is not, or not known."""
        releases = self._releases(product)
        states = {each.support(on) for each in releases}
        if states == {Support.ENDED}:
            return Support.ENDED, max((each.ends for each in releases if each.ends), default=None)
        return Support.PACKAGED, None

    def may_be_packaged(self, product: Product, on: date) -> bool:
        """Whether a distribution that is not out of support packages this very version, perhaps without naming it."""
        return any(each.has_package(product) and each.support(on) is not Support.ENDED for each in self.entries)

    def may_have_fixed(self, product: Product, since: date) -> bool:
        """Whether a distribution that packages this version was in support after a day, so that it may have fixed what
        became known then, perhaps without naming itself.
        """
        if product.distribution:
            releases = self._releases(product)
            return not releases or any(each.is_in_support_after(since) for each in releases)
        return any(each.has_package(product) and each.is_in_support_after(since) for each in self.entries)

    def _releases(self, product: Product) -> list[SupportCycle]:
        """The releases of the distribution that a product names: the one, or those that package its version."""
        releases = [each for each in self.entries if each.product == product.distribution]
        if product.release:
            return [each for each in releases if each.cycle == product.release]
        return [each for each in releases if each.has_package(product)]

    def _cycle(self, product: Product) -> SupportCycle | None:
        """The cycle of a version: the one with the longest beginning."""
        found = [each for each in self._of(product.name) if is_within(product.version, each.cycle)]
        return max(found, key=lambda each: each.cycle.count("."), default=None)

    def _of(self, name: str) -> Iterator[SupportCycle]:
        return (each for each in self.entries if each.product == name)


def by_support(
    table: EndOfSupport, products: Iterable[Product], on: date
) -> dict[Support, list[tuple[Product, date | None]]]:
    """The products by what is known of their support on a day, each with the end of it."""
    found: dict[Support, list[tuple[Product, date | None]]] = {}
    for each in products:
        support, ended = table.support(each, on)
        found.setdefault(support, []).append((each, ended))
    return found
