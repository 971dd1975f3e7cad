"""Report formats: HTML for people, ``findings.json`` for programs, and SARIF, JUnit and Code Quality for CI."""

from __future__ import annotations

from collections.abc import Iterable

from inspector import Renderer, RunRenderer, hookimpl
from inspector_reports.findings_json import FINDINGS
from inspector_reports.gitlab_codequality import CODE_QUALITY
from inspector_reports.html import HTML
from inspector_reports.junit import JUNIT
from inspector_reports.run_overview import RUN_CSV, RUN_HTML, RUN_JSON
from inspector_reports.sarif import SARIF


@hookimpl
def inspector_renderers() -> Iterable[Renderer]:
    """The renderers of the five formats."""
    return [CODE_QUALITY, FINDINGS, HTML, JUNIT, SARIF]


@hookimpl
def inspector_run_renderers() -> Iterable[RunRenderer]:
    """The formats of the overview of a run."""
    return [RUN_CSV, RUN_HTML, RUN_JSON]
