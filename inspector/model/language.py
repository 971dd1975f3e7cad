"""The languages of reports and messages."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """The languages in which reports and messages are written."""

    VI = "vi"
    EN = "en"
