"""Every error that Inspector raises on purpose, drawn as a tree.

::

    InspectorError                 has a message (what) and a remedy (what to do)
    ├── Misuse                     the command cannot run as it was asked: exit code 2
    │   ├── PaperError             one or more located faults in a document, profile or settings file
    │   │   └── WindowTooShort     the plan does not fit the time that an authorisation grants
    │   ├── NotAuthorised          no authorisation covers what was asked
    │   └── PluginError            a plugin contributed something the registry refuses
    ├── BundleError                a bundle cannot be written, read or trusted
    └── Trouble                    a scan of a target ended early; becomes evidence, never exit code 2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inspector.model.base import Cause


def _joined(what: str, remedy: str) -> str:
    return f"{what}; {remedy}" if remedy else what


class InspectorError(Exception):
    """Something that a person can act on; ``remedy`` says how.

    Both are English texts; made as a FormattedMessage, they can be rendered in another language.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.text(str)

    def text(self, translate: Callable[[str], str]) -> str:
        """Message and remedy, each through ``translate``."""
        return _joined(translate(self.message), translate(self.remedy))


class UsageError(InspectorError):
    """The command cannot run as it was asked."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One located fault: ``file:line:column: what; what to do`` (line and column count from 1; 0 is unknown)."""

    source: str
    line: int
    column: int
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return self.text(str)

    def text(self, translate: Callable[[str], str]) -> str:
        """The diagnostic on one line, what and remedy through ``translate``."""
        position = f"{self.source}:{self.line}:{self.column}" if self.line else translate(self.source)
        return f"{position}: {_joined(translate(self.what), translate(self.remedy))}"


class InputFileError(UsageError):
    """One or more located faults in a file that a person wrote."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)

    def text(self, translate: Callable[[str], str]) -> str:
        """The diagnostics, each on a line of its own."""
        return "\n".join(diagnostic.text(translate) for diagnostic in self.diagnostics)


class NotAuthorised(UsageError):
    """No authorisation covers what was asked."""


class WindowTooShort(InputFileError):
    """The plan does not fit the time that an authorisation grants; the fault holds the arithmetic."""


class PluginError(UsageError):
    """A plugin contributed something that the registry refuses; the message names plugin and distribution."""


class BundleError(InspectorError):
    """A bundle cannot be written, read or trusted."""


class ScanFailure(InspectorError):
    """A scan ended early. ``cause`` says why in the closed vocabulary, the message in words for a technician."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
