"""Known vulnerabilities by the versions that servers identify themselves with: a dated table.

A version tells of a vulnerability, not of its fix: distributions repair a version without changing its number. Debian
and Ubuntu show the revision of their package, others show nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib.resources import files
from typing import Final

from inspector import Model

#: Both ends of what a patch level that is not shown can be.
_PATCH_LEVELS = (0, 99)
_VERSION = re.compile(r"(\d+(?:\.\d+)*)(?:p(\d+))?")
_PACKAGE = re.compile(r"(Debian|Ubuntu)-([A-Za-z0-9.+~]+)")
#: Revisions of the distributions' own numbering, and what they add when they build one again or for an older release.
_OWN = re.compile(
    r"(?P<built>[0-9.]+(?:(?:ubuntu|build)[0-9.]+)*(?:\+deb[0-9]+u[0-9]+)?)(?:\+b[0-9]+)?"
    r"(?:~(?:bpo|deb|ubuntu)?[0-9][0-9.]*(?:[+u][0-9]+)?)?"
)
_PIECES = re.compile(r"([^\d]*)(\d*)")


class State(Enum):
    """Whether a server has a vulnerability, as far as its identification shows."""

    AFFECTED = "affected"
    AFFECTED_VERSION = "affected-version"
    UNKNOWN = "unknown"
    NOT_AFFECTED = "not-affected"


class Vulnerability(Model):
    """A vulnerability of a product.

    ``affected`` are pairs of versions, the first affected one and the first that is not. ``fixed_packages`` are, by
    distribution and version, the first revision of the package that has the fix.
    """

    id: str
    affected: tuple[tuple[str, str], ...]
    fixed_packages: Mapping[str, Mapping[str, str]] = {}
    source: str


class Product(Model):
    """A server program: the pattern of its software version, and its vulnerabilities.

    ``silently_maintained`` are versions that distributions repair without a word in the identification.
    """

    identified_by: str
    silently_maintained: tuple[str, ...] = ()
    vulnerabilities: tuple[Vulnerability, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.identified_by)


class Table(Model):
    """Products by name, with the date and the sources of the table."""

    dated: str
    source: str
    products: Mapping[str, Product]


TABLE: Final = Table.model_validate(json.loads(files(__package__).joinpath("data/vulnerabilities.json").read_bytes()))


@dataclass(frozen=True, slots=True)
class Identified:
    """A product with its version and, where it is shown, the patch level, the distribution and the package revision."""

    product: Product
    version: str
    patch: int | None
    comments: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the version, the patch level left out."""
        return _numbers(self.version)

    def state(self, vulnerability: Vulnerability) -> State:
        """What the identification shows of a vulnerability."""
        within = {
            any(_key(first) <= (self.numbers, patch) < _key(fixed) for first, fixed in vulnerability.affected)
            for patch in (_PATCH_LEVELS if self.patch is None else (self.patch,))
        }
        if within == {False}:
            return State.NOT_AFFECTED
        package = _PACKAGE.fullmatch(self.comments)
        if package is not None:
            name = self.version if self.patch is None else f"{self.version}p{self.patch}"
            fixed = vulnerability.fixed_packages.get(package[1], {}).get(name)
            if fixed is not None:
                return _state_of_package(package[2], fixed)
        # Only distributions show a patch level.
        maintained = self.version in self.product.silently_maintained or self.comments or self.patch is not None
        return State.UNKNOWN if maintained or len(within) > 1 else State.AFFECTED_VERSION


def identified(software: str, comments: str) -> Identified | None:
    """The product of an identification string; None where the table has none for it."""
    for product in TABLE.products.values():
        found = product.pattern.fullmatch(software)
        if found is not None:
            patch = found.groupdict().get("patch")
            return Identified(product, found["version"], None if patch is None else int(patch), comments.strip())
    return None


def _state_of_package(revision: str, fixed: str) -> State:
    """Whether a revision of a package lacks what ``fixed`` repaired.

    One built again for an older release sorts before the one that it was built from, and has all that this has. Of one
    that somebody else numbered nothing is known but that it follows a repaired one.
    """
    own = _OWN.fullmatch(revision)
    if not is_older(revision if own is None else own["built"], fixed):
        return State.NOT_AFFECTED
    return State.UNKNOWN if own is None else State.AFFECTED


def is_older(revision: str, other: str) -> bool:
    """Whether a revision of a package precedes another one (Debian Policy §5.6.12)."""
    return _sort_key(revision) < _sort_key(other)


def _sort_key(revision: str) -> list[tuple[list[int], int]]:
    """Pieces without digits, each with the number after it; ``~`` sorts before the end, letters before the rest."""
    return [
        ([_order(character) for character in text] + [0], int(number or 0))
        for text, number in _PIECES.findall(revision)
    ]


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _key(version: str) -> tuple[tuple[int, ...], int]:
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"{version!r} is not a version")
    return _numbers(found[1]), int(found[2] or 0)
