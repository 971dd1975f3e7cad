"""The commands' names, options and help; what they do lives in a module each."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli import terminal
from inspector.model.errors import InspectorError


def _leave(code: int | None, **_options: object) -> None:
    """End the process with what the command returned."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    result_callback=_leave,
    name="inspector",
    help="Inspect from outside, and without harm, whether information systems keep the measures of their level.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

MISUSE = 2
#: Whoever read our results left before the end: as a shell tells a process ended by SIGPIPE.
PIPE = 141
#: Why whatever stdout leads to takes no more.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


def _language(lang: str) -> str:
    """The language as it was written; one that nothing is printed in is misuse of the option."""
    if lang not in ("vi", "en"):
        raise typer.BadParameter(f"{lang!r}: write vi or en")
    return lang


Lang = Annotated[str, typer.Option("--lang", callback=_language, help="Language of what is printed: vi or en.")]
Settings = Annotated[Path | None, typer.Option("--settings", help="inspector.toml of the inspecting side.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder for bundles (default: out).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")]
LogLevel = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error, on stderr.")]
Formats = Annotated[str, typer.Option("--format", "-f", help="Report formats, comma-separated; html and json always.")]
To = Annotated[Path | None, typer.Option("--to", help="Folder for a copy of the report files (for CI artefacts).")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Date of the rules, YYYY-MM-DD (default: today).")]
Regime = Annotated[str | None, typer.Option("--regime", help="Judge under this regime instead of the system's own.")]
FailOn = Annotated[str, typer.Option("--fail-on", help="must, or a severity: info, low, medium, high, critical.")]
Baseline = Annotated[Path | None, typer.Option("--baseline", help="findings.json whose failures do not count.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this plugin, probe or check (repeatable).")]
Select = Annotated[list[str] | None, typer.Option("--select", help="Only requirements with this tag, e.g. smoke.")]
Within = Annotated[int | None, typer.Option("--within", help="Stop asking after this many seconds.", min=1)]
Authorisations = Annotated[
    list[Path] | None, typer.Option("--authorisation", "-a", help="authorisation.yaml (repeatable).")
]
Statements = Annotated[list[Path] | None, typer.Option("--statements", help="statements.yaml (repeatable).")]
Decisions = Annotated[
    list[Path] | None, typer.Option("--decisions", help="The inspecting side's own statements.yaml (repeatable).")
]
Systems = Annotated[list[str] | None, typer.Option("--system", help="Only the system with this id (repeatable).")]
Level = Annotated[int | None, typer.Option("--level", help="Security level 1-5.", min=1, max=5)]
AuthorisedBy = Annotated[
    str | None, typer.Option("--authorised-by", help="Who permits an inspection without documents.")
]
Targets = Annotated[list[str] | None, typer.Argument(help="declaration.yaml, or endpoint URIs with --level.")]


def _prepare(log_level: str) -> None:
    levels = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error")}
    if log_level not in levels:
        raise typer.BadParameter(f"{log_level!r}: write debug, info, warning or error", param_hint="--log-level")
    logging.basicConfig(level=levels[log_level], stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder for the skeletons.")] = Path(),
    organisation: Annotated[str | None, typer.Option(help="Name of the organisation.")] = None,
    system: Annotated[str | None, typer.Option(help="Id of the system, e.g. portal.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the system.")] = None,
    level: Level = None,
    endpoint: Annotated[list[str] | None, typer.Option(help="Endpoint URI (repeatable).")] = None,
    granted_by: Annotated[str | None, typer.Option(help="Who permits the inspection.")] = None,
    contact: Annotated[str | None, typer.Option(help="Contact of the inspecting side.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> int:
    """Write commented skeletons of the documents, from flags or by asking."""
    from inspector.cli.init import Answers, write

    answers = Answers(
        organisation=organisation,
        system=system,
        name=name,
        level=level,
        endpoints=tuple(endpoint or ()),
        granted_by=granted_by,
        contact=contact,
    )
    return write(folder, answers, force=force)


@app.command()
def plan(
    targets: Targets = None,
    authorisation: Authorisations = None,
    system: Systems = None,
    level: Level = None,
    authorised_by: AuthorisedBy = None,
    regime: Regime = None,
    as_of: AsOf = None,
    only: Only = None,
    select: Select = None,
    within: Within = None,
    settings: Settings = None,
    lang: Lang = "vi",
    log_level: LogLevel = "warning",
) -> int:
    """Resolve names, and print who would be asked what, how often, for how long, and what is out of scope."""
    _prepare(log_level)
    from inspector.cli.inputs import Order
    from inspector.cli.plan import print_plans

    return print_plans(
        Order(
            targets=tuple(targets or ()),
            authorisations=tuple(authorisation or ()),
            systems=tuple(system or ()),
            level=level,
            authorised_by=authorised_by,
            regime=regime,
            as_of=as_of,
            only=tuple(only or ()),
            select=tuple(select or ()),
            within=within,
            settings=settings,
        ),
        lang,
    )


@app.command()
def run(
    targets: Targets = None,
    authorisation: Authorisations = None,
    statements: Statements = None,
    decisions: Decisions = None,
    system: Systems = None,
    level: Level = None,
    authorised_by: AuthorisedBy = None,
    regime: Regime = None,
    as_of: AsOf = None,
    only: Only = None,
    select: Select = None,
    within: Within = None,
    fail_on: FailOn = "must",
    baseline: Baseline = None,
    formats: Formats = "",
    to: To = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with this interrupted inspection.")] = None,
    settings: Settings = None,
    output: Output = None,
    lang: Lang = "vi",
    quiet: Quiet = False,
    log_level: LogLevel = "warning",
) -> int:
    """Inspect: collect, seal, assess and report."""
    _prepare(log_level)
    from inspector.cli.inputs import Order
    from inspector.cli.run import Wish, go_on, inspect_all

    wish = Wish(fail_on=fail_on, baseline=baseline, formats=formats, to=to, lang=lang, quiet=quiet)
    order = Order(
        targets=tuple(targets or ()),
        authorisations=tuple(authorisation or ()),
        statements=tuple(statements or ()),
        decisions=tuple(decisions or ()),
        systems=tuple(system or ()),
        level=level,
        authorised_by=authorised_by,
        regime=regime,
        as_of=as_of,
        only=tuple(only or ()),
        select=tuple(select or ()),
        within=within,
        settings=settings,
        output=output,
    )
    return go_on(resume, order, wish) if resume else inspect_all(order, wish)


@app.command()
def seal(
    bundle: Annotated[Path, typer.Argument(help="Folder of an interrupted inspection.")],
    formats: Formats = "",
    to: To = None,
    fail_on: FailOn = "must",
    settings: Settings = None,
    lang: Lang = "vi",
) -> int:
    """Close an interrupted inspection: what was not asked becomes inconclusive, the rest is sealed and judged."""
    from inspector.cli.inputs import Order
    from inspector.cli.run import Wish, seal_now

    return seal_now(bundle, Order(settings=settings), Wish(fail_on=fail_on, formats=formats, to=to, lang=lang))


@app.command()
def assess(
    bundle: Annotated[Path, typer.Argument(help="Folder of a sealed inspection.")],
    regime: Regime = None,
    level: Level = None,
    as_of: AsOf = None,
    statements: Statements = None,
    decisions: Decisions = None,
    reparse: Annotated[bool, typer.Option("--reparse", help="Read the raw bytes again with today's probes.")] = False,
    fail_on: FailOn = "must",
    baseline: Baseline = None,
    formats: Formats = "",
    to: To = None,
    settings: Settings = None,
    lang: Lang = "vi",
) -> int:
    """Judge a sealed bundle again, without a packet: under other rules, at another date, for another level."""
    from inspector.cli.assess import Again, assess_again
    from inspector.cli.run import Wish

    wish = Wish(fail_on=fail_on, baseline=baseline, formats=formats, to=to, lang=lang)
    again = Again(
        regime=regime,
        level=level,
        as_of=as_of,
        statements=tuple(statements or ()),
        decisions=tuple(decisions or ()),
        reparse=reparse,
    )
    return assess_again(bundle, again, wish, settings)


@app.command()
def report(
    bundle: Annotated[Path, typer.Argument(help="Folder of a sealed inspection.")],
    formats: Formats = "html",
    to: To = None,
    lang: Lang = "vi",
) -> int:
    """Write report files of the newest assessment of a bundle."""
    from inspector.cli.report import write_reports

    return write_reports(bundle, formats, to, lang)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="Folder of a sealed inspection.")],
    settings: Settings = None,
    trusted: Annotated[list[str] | None, typer.Option("--trusted", help="Key id of a trusted signer.")] = None,
    lang: Lang = "vi",
) -> int:
    """Answer three questions apart: is it intact, can it be reproduced, and what would be said today."""
    from inspector.cli.verify import verify_bundle

    return verify_bundle(bundle, settings, tuple(trusted or ()), lang)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="plugins, probes, checks, regimes, formats or schemes.")] = "checks",
    lock: Annotated[bool, typer.Option("--lock", help="Print a plugins.lock that pins the installed plugins.")] = False,
    lang: Lang = "vi",
) -> int:
    """List what the installed plugins contribute."""
    from inspector.cli.list import print_list

    return print_list(what, lang, lock=lock)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="Id of a check or requirement.")],
    lang: Lang = "vi",
) -> int:
    """Explain a check or a requirement: claim, reasons, remediation, and which regimes ask for it."""
    from inspector.cli.explain import print_explanation

    return print_explanation(name, lang)


@app.command()
def schema(
    document: Annotated[str, typer.Argument(help="declaration, authorisation, statements, settings or findings.")],
) -> int:
    """Print the JSON Schema of a document, for editors."""
    from inspector.cli.schema import print_schema

    return print_schema(document)


@app.command()
def demo(
    output: Output = None,
    lang: Lang = "vi",
    quiet: Quiet = False,
) -> int:
    """Start a small estate of good and bad servers on loopback, inspect it, and print where the report is."""
    _prepare("warning")
    from inspector.cli.demo import show

    return show(output or Path("out"), lang, quiet=quiet)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        from inspector import __version__

        terminal.say(f"inspector {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        terminal.say(context.get_help())
        raise typer.Exit(MISUSE)


def call(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every failure is told in words."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except InspectorError as error:
        terminal.complain(error)
        return MISUSE
    except (BrokenPipeError, terminal.ReaderLeft):
        _close_stdout()
        return PIPE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            _close_stdout()
            terminal.note(f"inspector: results cannot be written to stdout: {error.strerror}; see to the disk")
            return MISUSE
        logging.getLogger("inspector").debug("internal error", exc_info=True)
        terminal.note(f"inspector: internal error: {type(error).__name__}: {error}")
        terminal.note("inspector: this is a bug of ours; run again with --log-level debug and report what it prints")
        return MISUSE
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        app(list(arguments), prog_name="inspector")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    return 0


def _close_stdout() -> None:
    """Let what is still unwritten go nowhere, so that the end of the process does not stumble over it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
