"""The options that several commands share, declared once, and what was given for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from inspector.cli import log
from inspector.model.language import Language
from inspector.model.log_format import LogFormat, LogLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """What was given on the command line, before any file is read; a command takes some of it."""

    targets: Annotated[tuple[str, ...], typer.Argument(help="declaration.yaml, or endpoint URIs with --level.")] = ()
    authorisations: Annotated[
        tuple[Path, ...], typer.Option("--authorisation", "-a", help="authorisation.yaml (repeatable).")
    ] = ()
    statements: Annotated[tuple[Path, ...], typer.Option("--statements", help="statements.yaml (repeatable).")] = ()
    decisions: Annotated[
        tuple[Path, ...],
        typer.Option("--decisions", help="The inspecting side's own statements.yaml (repeatable)."),
    ] = ()
    inspection: Annotated[
        Path | None, typer.Option("--inspection", help="inspection.yaml: the record of the inspection, for its report.")
    ] = None
    systems: Annotated[
        tuple[str, ...],
        typer.Option("--system", help="Only systems with this id; * and ? stand for any characters (repeatable)."),
    ] = ()
    limit: Annotated[
        int | None, typer.Option("--limit", help="Inspect at most this many of the chosen systems.", min=1)
    ] = None
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Inspect the systems in a random order.")] = False
    level: Annotated[int | None, typer.Option("--level", help="Security level 1-5.", min=1, max=5)] = None
    authorised_by: Annotated[
        str | None, typer.Option("--authorised-by", help="Who permits an inspection without documents.")
    ] = None
    addresses: Annotated[
        tuple[str, ...],
        typer.Option("--address", help="An address or block that endpoints without documents may have (repeatable)."),
    ] = ()
    regime: Annotated[
        str | None,
        typer.Option(
            "--regime", help="Assess under this regime instead of the system's own ('inspector list regimes')."
        ),
    ] = None
    as_of: Annotated[str | None, typer.Option("--as-of", help="Date of the rules, YYYY-MM-DD (default: today).")] = None
    only: Annotated[
        tuple[str, ...], typer.Option("--only", help="Only this plugin, probe or check (repeatable). Probes: {probes}.")
    ] = ()
    select: Annotated[
        tuple[str, ...], typer.Option("--select", help="Only requirements with this tag, e.g. smoke.")
    ] = ()
    failed_in: Annotated[
        Path | None,
        typer.Option(
            "--failed-in",
            help="Only what failed in this inspection, run or findings.json, as after it was mended.",
        ),
    ] = None
    within: Annotated[int | None, typer.Option("--within", help="Start no scan after this many seconds.", min=1)] = None
    all_ports: Annotated[
        bool,
        typer.Option(
            "--all-ports", help="Sweep all 65,535 TCP ports, over several time windows where one is too short."
        ),
    ] = False
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="What counts: must, a severity (info, low, medium, high, critical) and above, or both, as must,high "
            "(default: must; without a declaration and with --select smoke: must,high).",
        ),
    ] = None
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", help="A file of 'inspector baseline create', or a findings.json, whose failures do not count."
        ),
    ] = None
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="Further report formats, comma-separated: {formats}; html and json for up to 10 systems.",
        ),
    ] = ""
    keep_reports: Annotated[
        bool, typer.Option("--keep-reports", help="Keep the report files in the bundle, under its signature.")
    ] = False
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for a copy of the report files (for CI artefacts).")
    ] = None
    settings: Annotated[Path | None, typer.Option("--settings", help="inspector.toml of the inspecting side.")] = None
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for bundles (default: out).")] = None
    database: Annotated[
        str | None,
        typer.Option(
            "--database", help="The PostgreSQL database that several machines share: its URL, or a file with it."
        ),
    ] = field(default=None, repr=False)
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every finding, not the worst alone.")] = False
    summary: Annotated[bool, typer.Option("--summary", help="Print one line for each system, nothing else.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")] = False


#: What chooses systems and requirements: the options of ``plan``, and some of those of ``run``.
SELECTION = (
    *("targets", "authorisations", "systems", "level", "authorised_by", "addresses", "regime", "as_of"),
    *("only", "select", "failed_in", "within", "all_ports", "settings", "quiet"),
)
#: What is made of the findings.
RESULTS = ("fail_on", "baseline", "formats", "keep_reports", "to", "verbose", "summary")


#: The options of every command.
COMMON = {
    "lang": Annotated[
        Language | None,
        typer.Option("--lang", help="Language of what is printed (default: INSPECTOR_LANG, or that of the locale)."),
    ],
    "log_level": Annotated[LogLevel | None, typer.Option("--log-level", help="Log from this level on, to stderr.")],
    "log_format": Annotated[LogFormat | None, typer.Option("--log-format", help="Form of the log lines.")],
}
_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def takes(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the named options, its own, and those of every command.

    Its function gets the named ones as ``arguments``, a RunArguments.
    """
    hints = get_type_hints(RunArguments, include_extras=True)
    common = [inspect.Parameter(name, _KEYWORD, default=None, annotation=hint) for name, hint in COMMON.items()]
    shared = [_parameter(each, hints[each.name]) for each in fields(RunArguments) if each.name in names]

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        own = [
            each.replace(kind=_KEYWORD)
            for each in inspect.signature(function, eval_str=True).parameters.values()
            if each.name != "arguments"
        ]

        @wraps(function)
        def command(**values: Any) -> int:
            log.use(values.pop("log_level"), values.pop("log_format"))
            values.pop("lang")
            taken = {each.name: values.pop(each.name) for each in shared}
            lists = {name: tuple(value) for name, value in taken.items() if isinstance(value, list)}
            given = {name: value for name, value in {**taken, **lists}.items() if value is not None}
            return function(RunArguments(**given), **values) if names else function(**values)

        parameters = [*shared, *own, *common]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # which inspect reads
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    """The command's parameter for a field; typer takes a repeatable option as a list."""
    kind, *details = get_args(hint)
    default = None if field.default is MISSING else field.default
    if get_origin(kind) is tuple:
        kind, default = list[get_args(kind)[0]] | None, None  # type: ignore[misc]  # a type made at run time
    annotation = Annotated[(kind, *details)]  # type: ignore[valid-type]  # as above
    return inspect.Parameter(field.name, _KEYWORD, default=default, annotation=annotation)
