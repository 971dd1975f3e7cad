"""The exceptions that Inspector raises on purpose.

::

    InspectorError                 has a message (what) and a remedy (what to do)
    ├── UsageError                 the command cannot run as given: exit code 2
    │   ├── InputFileError         one or more diagnostics in a document, profile or settings file
    │   │   └── WindowTooShort     the plan does not fit the time that an authorisation grants
    │   ├── NotAuthorised          no authorisation covers the request
    │   └── PluginError            a plugin contributes something that the registry refuses
    ├── BundleError                a bundle cannot be written, read or trusted
    │   ├── BundleInUse            another process writes it
    │   └── LimitExceeded          a file of it is larger than what is written and read
    ├── RateLimitError             the state of the rate limits cannot be kept, so that nothing more is sent
    ├── EngineError                the queue of jobs cannot be read or written, or another process runs it
    ├── InspectionStopped          an inspection was stopped on purpose, and can be continued
    └── ScanFailure                a scan of a target ended early; recorded as evidence, never exit code 2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.model.formatted import FormattedMessage

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
    """The command cannot run as given."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error in an input file, as ``file:line:column: what; what to do``. Line and column from 1; 0: unknown."""

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


#: So many errors of a file are told; where there are more, reading it may end.
MOST_DIAGNOSTICS = 20


class InputFileError(UsageError):
    """One or more errors in a file that the user wrote; only the first MOST_DIAGNOSTICS are told."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.text(str))

    def text(self, translate: Callable[[str], str]) -> str:
        """The first diagnostics, each on a line of its own, and whether there are more."""
        lines = [diagnostic.text(translate) for diagnostic in self.diagnostics[:MOST_DIAGNOSTICS]]
        if len(self.diagnostics) > MOST_DIAGNOSTICS:
            what = FormattedMessage("there are more than {count} errors", count=MOST_DIAGNOSTICS)
            lines.append(_joined(translate(what), translate("repair these first")))
        return "\n".join(lines)


class NotAuthorised(UsageError):
    """No authorisation covers the request."""


class WindowTooShort(InputFileError):
    """The plan does not fit the time that an authorisation grants; the diagnostic contains the arithmetic."""


class PluginError(UsageError):
    """A plugin contributes something that the registry refuses; the message names plugin and distribution."""


class BundleError(InspectorError):
    """A bundle cannot be written, read or trusted."""


class BundleInUse(BundleError):
    """Another process writes it."""


class LimitExceeded(BundleError):
    """A file of a bundle is larger than what is written and read; it says nothing about its content."""


class RateLimitError(InspectorError):
    """The state of the rate limits cannot be kept, so that nothing more is sent."""


class EngineError(InspectorError):
    """The queue of jobs cannot be read or written, or another process runs it."""


class InspectionStopped(InspectorError):
    """An inspection was stopped on purpose (a pause, a closed window, a withdrawal), and can be continued."""


class ScanFailure(InspectorError):
    """A scan ended early. ``cause`` is from the closed vocabulary; the message is for technicians."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
