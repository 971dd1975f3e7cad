"""Report formats: HTML for people, CSV and XLSX for spreadsheets, JSON for programs, and three formats of CI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec

from inspector import Renderer, RunRenderer, hookimpl
from inspector_reports.csv_table import CSV
from inspector_reports.difference_html import render_difference
from inspector_reports.findings_json import FINDINGS
from inspector_reports.gitlab_codequality import CODE_QUALITY
from inspector_reports.html import HTML
from inspector_reports.junit import JUNIT
from inspector_reports.run_overview import RUN_CSV, RUN_HTML, RUN_JSON
from inspector_reports.sarif import SARIF
from inspector_reports.xlsx_table import XLSX


@hookimpl
def inspector_renderers() -> Iterable[Renderer]:
    """The renderers; that of XLSX where XlsxWriter is installed."""
    optional = [XLSX] if find_spec("xlsxwriter") is not None else []
    html = replace(HTML, render_difference=render_difference)
    return [CODE_QUALITY, CSV, FINDINGS, html, JUNIT, SARIF, *optional]


@hookimpl
def inspector_run_renderers() -> Iterable[RunRenderer]:
    """The formats of the overview of a run."""
    return [RUN_CSV, RUN_HTML, RUN_JSON]
