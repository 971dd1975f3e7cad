"""The type of a renderer: it turns views of assessments into a file of one format and language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.model.language import Language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.report.difference_view import DifferenceView
    from inspector.report.run_overview import RunOverview
    from inspector.report.view import View


@dataclass(frozen=True, slots=True)
class Renderer:
    """``render`` turns views into the bytes of one file named ``stem`` + ``suffix``.

    ``joins``: one file contains a whole run (SARIF for CI); otherwise ``render`` gets one view at a time.
    ``localised``: one file per language. ``beside`` are formats whose files this one points to, and that are written
    with it. ``render_difference`` turns the comparison of two inspections into the bytes of one file, named
    ``difference`` + ``suffix``; None where the format has none.
    """

    name: str
    suffix: str
    media_type: str
    render: Callable[[Sequence[View], Language], bytes]
    localised: bool = False
    joins: bool = False
    stem: str = "report"
    beside: tuple[str, ...] = ()
    render_difference: Callable[[DifferenceView, Language], bytes] | None = None

    def file(self, language: Language, stem: str | None = None) -> str:
        """The file's name in one language; ``stem`` instead of the renderer's own."""
        name = stem or self.stem
        return f"{name}.{language.value}{self.suffix}" if self.localised else f"{name}{self.suffix}"


@dataclass(frozen=True, slots=True)
class RunRenderer:
    """``render`` turns the overview of a run into the bytes of one file. ``localised``: one file per language."""

    name: str
    suffix: str
    media_type: str
    render: Callable[[RunOverview, Language], bytes]
    localised: bool = False
    stem: str = "overview"

    def file(self, language: Language) -> str:
        """The file's name in one language."""
        return f"{self.stem}.{language.value}{self.suffix}" if self.localised else f"{self.stem}{self.suffix}"
