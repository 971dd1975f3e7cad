"""What an import tells about a list: faults, warnings, and the decisions that it took."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from inspector.model.base import Model
from inspector.model.formatted import packed, unpacked


class Severity(StrEnum):
    """How grave a note is: a *fault* refuses a row or a file, a *warning* asks for a look, a *notice* tells."""

    FAULT = "fault"
    WARNING = "warning"
    NOTICE = "notice"


class Note(Model):
    """Something about a place of a list. ``at`` is ``SHEET!CELL`` or ``LINE:COLUMN``, empty for the whole file.

    ``system`` is the key of the system that it is about, where it is about one. ``what`` and ``remedy`` are texts with
    template and values, so that they can be rendered in another language.
    """

    severity: Severity
    code: str
    file: str
    at: str = ""
    system: str | None = None
    what: Any
    remedy: Any = ""

    @classmethod
    def of(
        cls,
        severity: Severity,
        code: str,
        file: str,
        at: str,
        what: str,
        remedy: str = "",
        *,
        system: str | None = None,
    ) -> Note:
        """A note with these texts."""
        return cls(
            severity=severity, code=code, file=file, at=at, system=system, what=packed(what), remedy=packed(remedy)
        )

    @property
    def text(self) -> str:
        """What is told, as a text that can be translated."""
        return unpacked(self.what)

    @property
    def advice(self) -> str:
        """What to do, as a text that can be translated; empty where there is nothing to do."""
        return unpacked(self.remedy)
