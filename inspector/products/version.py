"""Versions as banners and tables write them: numbers between dots, then letters, as ``2.4.49`` and ``1.0.1f``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

_LEADING = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})([a-z]?)(?![a-z])")

#: A version in a table.
VersionText = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}){0,5}[a-z]?$")]

#: The numbers of a version, and the letter behind them ("" for none); as tuples they compare as versions do.
Version = tuple[tuple[int, ...], str]


def version_of(text: str) -> Version:
    """The version at the beginning of a text; raises ValueError where there is none."""
    found = _LEADING.match(text)
    if found is None:
        raise ValueError(f"{text!r} begins with no version")
    return tuple(int(each) for each in found[1].split(".")), found[2]


def is_within(version: str, cycle: str) -> bool:
    """Whether a version belongs to a cycle: 8.2.33 to 8.2, and to 8; not to 8.2.3."""
    given, wanted = version_of(version)[0], version_of(cycle)[0]
    return given[: len(wanted)] == wanted


def is_at_most(version: str, last: str) -> bool | None:
    """Whether a version is ``last`` or older; None where it names fewer numbers, so that it may be either."""
    given, wanted = version_of(version), version_of(last)
    if len(given[0]) < len(wanted[0]) and given[0] == wanted[0][: len(given[0])]:
        return None
    return given <= wanted
