"""``inspector demo``: start the demo servers, write their documents, and inspect them as ``run`` does."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import CLEAN, FAILING, UNSEEN, worst
from inspector.cli.inputs import load_context
from inspector.cli.language import _, current
from inspector.cli.run import inspect_each
from inspector.cli.summary import InspectionSummary, worst_of
from inspector.declare.settings import PREFIX
from inspector.demo.documents import SCAN_SECONDS, write
from inspector.demo.environment import Environment, running
from inspector.model.language import Language
from inspector.pipeline.context import RunContext

WORKED, FAULTY = 0, 1

_OTHER = {
    Language.VI: (Language.EN, "English report: {path}"),
    Language.EN: (Language.VI, "Vietnamese report: {path}"),
}
_MEANINGS = {
    CLEAN: "nothing that must hold fails",
    FAILING: "something that must hold fails",
    UNSEEN: "something that must hold could not be seen",
}


def show(arguments: RunArguments) -> int:
    """Inspect the demo servers and print what was found: 0 when that worked, whatever was found."""
    _clear_variables()
    output = arguments.output or Path("out")
    folder = output / "demo"
    with running() as environment:
        documents = write(folder, environment)
        if not arguments.quiet:
            _introduce(environment, folder)
        given = RunArguments(
            targets=(str(documents.declaration),),
            authorisations=(documents.authorisation,),
            statements=(documents.statements,),
            settings=documents.settings,
            output=output,
            quiet=arguments.quiet,
            verbose=arguments.verbose,
            summary=arguments.summary,
        )
        context = load_context(given)
        done = inspect_each(given, context)
    _conclude(done, folder)
    return WORKED if _worked(context, done) else FAULTY


def _clear_variables() -> None:
    """Remove INSPECTOR_* from the environment: the demonstration is described by its documents alone."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def _introduce(environment: Environment, folder: Path) -> None:
    """Print on stderr what runs where, and what this machine does not allow."""
    where = ", ".join(sorted(set(environment.addresses.values())))
    terminal.print_note(_("Servers of the demonstration listen at {addresses}.", addresses=where))
    terminal.print_note(_("Their documents: {path}", path=folder))
    if not environment.has_own_addresses:
        terminal.print_note(_("This machine has one loopback address: all servers share it."))
    if not environment.serves_zones:
        terminal.print_note(_("Zones are left out: this user may not serve port 53."))
    terminal.print_note(_("One server never answers; its scan is ended after {seconds} seconds.", seconds=SCAN_SECONDS))


def _conclude(done: list[InspectionSummary], folder: Path) -> None:
    """Print the worst report in the other language, what a run would have returned, and how to continue."""
    if not done:
        return
    other, label = _OTHER[current()]
    terminal.print_result(_(label, path=worst_of(done).reports[f"report.{other.value}.html"]))
    code = worst(each.code for each in done)
    terminal.print_result(
        _("'inspector run' would have ended with exit code {code}: {meaning}.", code=code, meaning=_(_MEANINGS[code]))
    )
    command = f"{program()} verify {done[0].folder.parents[1]} --settings {folder / 'inspector.toml'}"
    terminal.print_result(_("Check a sealed bundle: {command}", command=command))


def program() -> str:
    """How a shell calls this command: by its name, or by the path of the environment where that is not on PATH."""
    own = Path(sys.executable).with_name("inspector")
    if shutil.which("inspector") is not None or not own.exists():
        return "inspector"
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def _worked(context: RunContext, done: list[InspectionSummary]) -> bool:
    """Whether every system was inspected without a bug of Inspector."""
    assert context.documents is not None  # noqa: S101  (load_context has read them)
    systems = context.documents.declaration.systems
    return len(done) == len(systems) and not any(each.tool_errors for each in done)
