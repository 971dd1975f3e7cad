"""``inspector demo``: start the estate, write its papers, and run them as anybody's papers are run."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.inputs import Order, Round, round_of
from inspector.cli.run import Wish, inspect_each
from inspector.demo.estate import Estate, running
from inspector.demo.papers import LOOK_SECONDS, write
from inspector.registry import installed
from inspector.renderer import Language
from inspector.report import View
from inspector.settings import PREFIX
from inspector.texts import Texts
from inspector.verdict import Outcome

WORKED, FAULTY = 0, 1


def show(output: Path, lang: str, *, quiet: bool) -> int:
    """Inspect the estate and tell what was found: 0 when that worked, whatever was found."""
    texts = Texts(installed(), Language(lang))
    _leave_variables_aside()
    folder = output / "demo"
    wish = Wish(lang=lang, quiet=quiet)
    with running() as estate:
        papers = write(folder, estate)
        if not quiet:
            _introduce(estate, folder, texts)
        run = round_of(
            Order(
                targets=(str(papers.declaration),),
                authorisations=(papers.authorisation,),
                statements=(papers.statements,),
                settings=papers.settings,
                output=output,
            )
        )
        views = inspect_each(run, wish)
    _conclude(views, folder, texts, wish)
    return WORKED if _worked(run, views) else FAULTY


def _leave_variables_aside() -> None:
    """The demonstration is described by its papers alone: nothing in the environment sends it elsewhere."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def _introduce(estate: Estate, folder: Path, texts: Texts) -> None:
    """Say on stderr what runs where, and what this machine does not allow."""
    where = tuple(sorted(set(estate.addresses.values())))
    terminal.note(texts.say("Servers of the demonstration listen at {addresses}.", addresses=where))
    terminal.note(texts.say("Their papers: {path}", path=str(folder)))
    if not estate.has_own_addresses:
        terminal.note(texts.say("This machine has one loopback address: all servers share it."))
    if not estate.serves_zones:
        terminal.note(texts.say("Zones are left out: this user may not serve port 53."))
    terminal.note(texts.say("One server never answers; it is given up after {seconds} seconds.", seconds=LOOK_SECONDS))


def _conclude(views: list[View], folder: Path, texts: Texts, wish: Wish) -> None:
    """Say where the reports in the other language are, what a run would have returned, and how to go on."""
    other = Language.EN if texts.language is Language.VI else Language.VI
    for each in views:
        if each.folder is not None:
            path = each.folder / "reports" / f"report.{other.value}.html"
            terminal.say(texts.say("In the other language: {path}", path=str(path)))
    if not views:
        return
    terminal.say(
        texts.say("With these papers 'inspector run' would have ended with exit code {code}.", code=wish.gate()(views))
    )
    bundle = next((each.folder.parents[1] for each in views if each.folder is not None), None)
    if bundle is not None:
        command = f"inspector verify {bundle} --settings {folder / 'inspector.toml'}"
        terminal.say(texts.say("Check a sealed bundle: {command}", command=command))


def _worked(run: Round, views: list[View]) -> bool:
    """Whether every system was inspected without a fault of ours."""
    return len(views) == len(run.systems) and not any(each.counts()[Outcome.ERROR] for each in views)
