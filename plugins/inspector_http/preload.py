"""The list of names that browsers request over HTTPS alone, as entries of a table: it grows with every release."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import Field

from inspector import Model, TableEntries


class PreloadedName(Model):
    """A name of the list, in A-labels and lower case; ``include_subdomains``: so are all names below it."""

    name: str = Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$", max_length=253)
    include_subdomains: bool = False


class PreloadList(TableEntries):
    """The whole list, as in Chromium's ``transport_security_state_static.json`` the entries in mode ``force-https``."""

    kind: ClassVar[str] = "hsts-preload/1"

    entries: tuple[PreloadedName, ...]

    @cached_property
    def _with_subdomains(self) -> dict[str, bool]:
        return {each.name: each.include_subdomains for each in self.entries}

    def entry_of(self, host: str) -> str:
        """The name of the list, ``host`` itself or one above it, for which browsers request ``host`` over HTTPS alone;
        empty for none.
        """
        labels = host.split(".")
        names = [".".join(labels[place:]) for place in range(len(labels))]
        own = names[:1] if host in self._with_subdomains else []
        return next(iter(own + [each for each in names[1:] if self._with_subdomains.get(each)]), "")
