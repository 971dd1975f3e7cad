"""``inspector demo``: start the estate, write its documents, and run them as anybody's documents are run."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN, FAILING, UNSEEN, gravest
from inspector.cli.inputs import Order, Round, round_of
from inspector.cli.run import Inspected, Wish, inspect_each
from inspector.declare.settings import PREFIX
from inspector.demo.documents import SCAN_SECONDS, write
from inspector.demo.environment import Estate, running
from inspector.model.language import Language
from inspector.model.verdict import Outcome
from inspector.registry.registry import installed
from inspector.report.messages import Translator

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


def show(output: Path, lang: str, *, quiet: bool) -> int:
    """Inspect the estate and tell what was found: 0 when that worked, whatever was found."""
    translator = Translator(installed(), Language(lang))
    _leave_variables_aside()
    folder = output / "demo"
    wish = Wish(lang=lang, quiet=quiet)
    with running() as estate:
        documents = write(folder, estate)
        if not quiet:
            _introduce(estate, folder, translator)
        run = round_of(
            Order(
                targets=(str(documents.declaration),),
                authorisations=(documents.authorisation,),
                statements=(documents.statements,),
                settings=documents.settings,
                output=output,
            )
        )
        inspected = inspect_each(run, wish)
    _conclude(inspected, folder, translator)
    return WORKED if _worked(run, inspected) else FAULTY


def _leave_variables_aside() -> None:
    """The demonstration is described by its documents alone: nothing in the environment sends it elsewhere."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def _introduce(estate: Estate, folder: Path, translator: Translator) -> None:
    """Say on stderr what runs where, and what this machine does not allow."""
    where = tuple(sorted(set(estate.addresses.values())))
    terminal.note(translator.say("Servers of the demonstration listen at {addresses}.", addresses=where))
    terminal.note(translator.say("Their documents: {path}", path=str(folder)))
    if not estate.has_own_addresses:
        terminal.note(translator.say("This machine has one loopback address: all servers share it."))
    if not estate.serves_zones:
        terminal.note(translator.say("Zones are left out: this user may not serve port 53."))
    terminal.note(
        translator.say("One server never answers; it is given up after {seconds} seconds.", seconds=SCAN_SECONDS)
    )


def _conclude(inspected: list[Inspected], folder: Path, translator: Translator) -> None:
    """Say where the reports in the other language are, what a run would have returned, and how to go on."""
    other, words = _OTHER[translator.language]
    written = [each.folder for each in inspected]
    for assessment in written:
        terminal.say(translator.say(words, path=str(assessment / "reports" / f"report.{other.value}.html")))
    if not written:
        return
    code = gravest(each.code for each in inspected)
    meaning = translator.say(_MEANINGS[code])
    terminal.say(
        translator.say("'inspector run' would have ended with exit code {code}: {meaning}.", code=code, meaning=meaning)
    )
    command = f"inspector verify {written[0].parents[1]} --settings {folder / 'inspector.toml'}"
    terminal.say(translator.say("Check a sealed bundle: {command}", command=command))


def _worked(run: Round, inspected: list[Inspected]) -> bool:
    """Whether every system was inspected without a fault of ours."""
    return len(inspected) == len(run.systems) and not any(each.counts[Outcome.ERROR] for each in inspected)
