"""The table of marks by which appliances are recognised: what any visitor gets from their login pages or greetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import ClassVar

from pydantic import Field, model_validator

from inspector.model.base import Model
from inspector.model.table import TableEntries


class ApplianceRole(StrEnum):
    """What an appliance is for."""

    VPN_GATEWAY = "vpn-gateway"
    HYPERVISOR = "hypervisor"
    BACKUP_CONSOLE = "backup-console"


class Place(StrEnum):
    """Where a mark stands: in the header ``server``, in the name of a cookie, in the path of the page to which the
    address leads, in what the server sends first, in the title of the page ``/``, or as one attribute of the subject of
    its certificate, e.g. ``O=Fortinet``.
    """

    SERVER = "server"
    COOKIE = "cookie"
    PATH = "path"
    BANNER = "banner"
    TITLE = "title"
    CERTIFICATE = "certificate"


class Mark(Model):
    """A text that is there as ``exactly``, at the beginning (``begins``) or at the end (``ends``), in any case."""

    place: Place
    exactly: str = ""
    begins: str = ""
    ends: str = ""

    @model_validator(mode="after")
    def _is_one(self) -> Mark:
        if sum(map(bool, (self.exactly, self.begins, self.ends))) != 1:
            raise ValueError("a mark is exact, a beginning or an end; give one of exactly, begins and ends")
        return self

    def is_in(self, text: str) -> bool:
        """Whether the text has the mark."""
        given = text.lower()
        if self.exactly:
            return given == self.exactly.lower()
        return given.startswith(self.begins.lower()) if self.begins else given.endswith(self.ends.lower())


class Appliance(Model):
    """An appliance, what it is for, and its marks, each of which suffices."""

    product: str
    role: ApplianceRole
    marks: tuple[Mark, ...] = Field(min_length=1)


class Appliances(TableEntries):
    """The marks of appliances."""

    kind: ClassVar[str] = "appliances/1"

    entries: tuple[Appliance, ...]

    def recognised(self, role: ApplianceRole, seen: Mapping[Place, Iterable[str]]) -> tuple[str, ...]:
        """The appliances of a role that have a mark in the texts, sorted."""
        texts = {place: tuple(given) for place, given in seen.items()}
        return tuple(
            sorted(
                each.product
                for each in self.entries
                if each.role is role
                and any(mark.is_in(text) for mark in each.marks for text in texts.get(mark.place, ()))
            )
        )
