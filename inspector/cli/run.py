"""``inspector run`` and ``inspector seal``: collect, seal, assess and report, one system after the other."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from inspector.assess.assessor import Verdicts
from inspector.cli import terminal
from inspector.cli.exit_code import MISUSE, Threshold, baseline_of, exit_code, gravest
from inspector.cli.gc_tuning import seldom_collected
from inspector.cli.inputs import Order, Round, instant, read_settings, round_of
from inspector.collect.collector import Progress
from inspector.declare.authorisation import check_authorisations
from inspector.declare.declaration import System
from inspector.model.base import now
from inspector.model.errors import BundleError, InputFileError, InspectorError, NotAuthorised, UsageError
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding
from inspector.model.language import Language
from inspector.model.subject import SYSTEM
from inspector.model.verdict import Outcome
from inspector.pipeline.pipeline import COMPLETE, begin, close, collect, resumed
from inspector.pipeline.prepare import Job, permitted, prepare
from inspector.pipeline.reassess import Terms, assess_bundle
from inspector.pipeline.reporting import render, view
from inspector.plan.planner import Planner
from inspector.record.assessment import Assessment
from inspector.registry.registry import Registry, installed
from inspector.report.messages import Translator
from inspector.report.view import View
from inspector.seal import Attempt, Bundle, CaptureWriter, RunIndex, SigningKey, State, add_assessment

T = TypeVar("T")

#: From one assessment to the exit code.
Gate = Callable[[View], int]
#: Formats that every assessment has.
ALWAYS = ("html", "json")


def settle(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end, as ``asyncio.run``.

    That one, when it gives the interrupt signal back, puts the finished task into words with all of its result.
    """
    results: list[T] = []

    async def run() -> None:
        results.append(await work)

    asyncio.run(run())
    return results[0]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be made of the findings."""

    fail_on: str = "must"
    baseline: Path | None = None
    formats: str = ""
    to: Path | None = None
    lang: str = "vi"
    quiet: bool = False

    def names(self, registry: Registry) -> tuple[str, ...]:
        """The report formats, without repetition. Raises UsageError for one that no plugin has."""
        wanted = [name.strip() for name in self.formats.split(",") if name.strip()]
        for name in wanted:
            if name not in registry.renderers:
                known = ", ".join(registry.renderers)
                raise UsageError(f"--format {name}: no plugin has this format", remedy=f"write some of {known}")
        return tuple(dict.fromkeys([*(name for name in ALWAYS if name in registry.renderers), *wanted]))

    def gate(self) -> Gate:
        """What gives the exit code of an inspected system. Raises UsageError."""
        known = baseline_of(self.baseline) if self.baseline else frozenset()
        threshold = Threshold(self.fail_on)

        def code(view: View) -> int:
            within = view.inspection.plan.within_seconds is not None
            return exit_code(view.assessment.findings, threshold, known, within=within)

        return code


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is told of an assessment in the end; the assessment itself is on the disk, and no longer in memory.

    ``folder`` is the assessment's, ``failures`` a line each, ``code`` the exit code.
    """

    system: str
    level: int
    regime: str
    counts: Mapping[Outcome, int]
    failures: tuple[str, ...]
    folder: Path
    code: int

    @classmethod
    def of(cls, view: View, folder: Path, wish: Wish, gate: Gate) -> Inspected:
        """What is to be told of a view whose assessment was written to ``folder``."""
        language = Language(wish.lang)
        translator = view.translator(language)
        return cls(
            system=view.inspection.system.id,
            level=view.assessment.level,
            regime=view.assessment.regime,
            counts=view.counts(),
            failures=tuple(
                f"{translator.word(each.severity)}: {_where(each)} – {view.title(each, language)}: "
                f"{translator.message(each)}"
                for each in (*view.binding, *view.recommended)
                if each.outcome is Outcome.FAIL
            ),
            folder=folder,
            code=gate(view),
        )

    def view(self, registry: Registry) -> View:
        """The assessment, read back."""
        bundle = Bundle.open(self.folder.parents[1])
        return view(bundle, bundle.judged(self.folder.name).assessment, registry)


class Shown:
    """Progress on stderr: one line that is rewritten on a terminal, a line a scan elsewhere only when asked."""

    def __init__(self, *, quiet: bool) -> None:
        self.live = not quiet and sys.stderr.isatty()
        self.plain = not quiet and not self.live

    def step(self, step: Progress) -> None:
        """Show one finished look."""
        cause = f" ({step.cause.value})" if step.cause else ""
        text = f"{step.system}: {step.done}/{step.planned} {step.probe} {step.subject}{cause}"
        if self.live:
            sys.stderr.write(f"\r\x1b[K{escape_control(text)[:150]}")
            sys.stderr.flush()
        elif self.plain:
            terminal.note(text)

    def end(self) -> None:
        """Clear the line."""
        if self.live:
            sys.stderr.write("\r\x1b[K")


@dataclass(frozen=True, slots=True)
class Work:
    """One inspection under way, with all that finishing it takes."""

    writer: CaptureWriter
    job: Job
    planner: Planner
    key: SigningKey
    index: RunIndex
    wish: Wish
    gate: Gate
    shown: Shown

    def finish(self) -> Inspected:
        """Collect what is missing, then conclude; an interruption leaves everything resumable."""
        self._note(State.BEGUN)
        try:
            verdicts = settle(collect(self.writer, self.job, self.planner))
        except KeyboardInterrupt:
            self.shown.end()
            folder = self.writer.folder
            self._note(State.INTERRUPTED, detail="interrupted by a person")
            terminal.note(f"inspector: interrupted; nothing is lost in {folder}")
            terminal.note(f"inspector: go on with 'inspector run --resume {folder}'")
            terminal.note(f"inspector: or close it with 'inspector seal {folder}'")
            raise
        except InspectorError as error:
            self._note(State.INTERRUPTED, detail=error.message)
            raise
        self.shown.end()
        return self.conclude(verdicts=verdicts)

    def conclude(self, reason: str = COMPLETE, verdicts: Verdicts | None = None) -> Inspected:
        """Seal, judge, report."""
        bundle = close(self.writer, self.planner, self.key, reason=reason)
        self._note(State.SEALED, digest=bundle.digest)
        try:
            assessment = settle(
                assess_bundle(bundle, self.job.registry, Terms(as_of=self.job.as_of, verdicts=verdicts or {}))
            )
            return file(bundle, assessment, self.job.registry, self.wish, self.gate, self.key)
        except KeyboardInterrupt:
            terminal.note(f"inspector: interrupted; what was seen is sealed in {bundle.folder}")
            terminal.note(f"inspector: judge it with 'inspector assess {bundle.folder}'")
            raise

    def _note(self, state: State, *, digest: str | None = None, detail: str = "") -> None:
        inspection = self.writer.inspection
        self.index.add(
            Attempt(
                at=now(),
                system=inspection.system.id,
                inspection=inspection.id,
                state=state,
                folder=f"{inspection.system.id}/{inspection.id}",
                digest=digest,
                detail=detail,
            )
        )


def inspect_all(order: Order, wish: Wish) -> int:
    """Inspect every chosen system, tell what was found, and give the exit code."""
    wish.gate()  # what is wrong with it is said before anything else
    run = round_of(order)
    inspected = inspect_each(run, wish)
    if len(inspected) < len(run.systems):
        return MISUSE
    return gravest(each.code for each in inspected)


def inspect_each(run: Round, wish: Wish) -> list[Inspected]:
    """Inspect the systems of a round and tell what was found; one that cannot be inspected does not stop the others."""
    wish.names(run.registry)
    gate = wish.gate()
    shown = Shown(quiet=wish.quiet)
    inspected: list[Inspected] = []
    with seldom_collected():
        for system in run.systems:
            try:
                inspected.append(_inspect(run, system, wish, gate, shown))
            except InspectorError as error:
                terminal.complain(error)
            gc.collect()
    tell(inspected, wish, run.registry)
    return inspected


def _inspect(run: Round, system: System, wish: Wish, gate: Gate, shown: Shown) -> Inspected:
    index = RunIndex(run.settings.output, run.run)
    try:
        key = SigningKey.load_or_create(run.settings.signing_key)
        job = run.job(system, shown.step)
        prepared = settle(prepare(job))
        permitted(prepared)
        writer = begin(prepared)
    except InspectorError as error:
        with suppress(BundleError):  # what it failed for tells more
            index.add(
                Attempt(
                    at=now(), system=system.id, inspection=f"none-{system.id}", state=State.FAILED, detail=error.message
                )
            )
        raise
    with writer:
        return Work(writer, job, prepared.planner, key, index, wish, gate, shown).finish()


def file(
    bundle: Bundle, assessment: Assessment, registry: Registry, wish: Wish, gate: Gate, key: SigningKey
) -> Inspected:
    """Write an assessment with its reports into the bundle, and give what is to be told of it."""
    made = view(bundle, assessment, registry)
    folder = add_assessment(bundle, assessment, render([made], wish.names(registry), registry), key)
    return Inspected.of(made, folder, wish, gate)


def go_on(folder: Path, order: Order, wish: Wish) -> int:
    """Go on with an interrupted inspection, if that is still permitted."""

    def end(work: Work) -> Inspected:
        _still_permitted(work.job, work.planner)
        return work.finish()

    return _continued(folder, order, wish, end)


def _still_permitted(job: Job, planner: Planner) -> None:
    """Raise InputFileError or NotAuthorised when nothing may be asked any more, or not at this hour."""
    if diagnostics := check_authorisations(job.authorisations, planner.at):
        raise InputFileError(diagnostics)
    if job.authorisations and planner.scope.window_closes(planner.at) is None:
        opens = planner.scope.opens_next(planner.at)
        later = f"resume it from {opens.isoformat(timespec='minutes')} on, or " if opens else ""
        raise NotAuthorised("the authorised hours are over", remedy=f"{later}close it with 'inspector seal'")


def seal_now(folder: Path, order: Order, wish: Wish) -> int:
    """Close an interrupted inspection without asking anything more."""
    return _continued(folder, order, wish, lambda work: work.conclude("closed before it was complete"))


def _continued(folder: Path, order: Order, wish: Wish, end: Callable[[Work], Inspected]) -> int:
    gate = wish.gate()
    registry = installed()
    wish.names(registry)
    shown = Shown(quiet=wish.quiet)
    own = read_settings(order.settings, order.output)
    writer, job, planner = resumed(folder, own, registry, instant(order.as_of), shown.step)
    with writer:
        key = SigningKey.load_or_create(own.signing_key)
        index = RunIndex(folder.resolve().parents[2], job.run)
        made = end(Work(writer, job, planner, key, index, wish, gate, shown))
    tell([made], wish, registry)
    return made.code


def tell(inspected: Sequence[Inspected], wish: Wish, registry: Registry) -> None:
    """Print the summary, and where the reports are."""
    if not inspected:
        return
    language = Language(wish.lang)
    translator = Translator(registry, language)
    heads = (
        translator.say("System"),
        translator.say("Level"),
        translator.say("Regime"),
        *map(translator.word, Outcome),
    )
    summary = terminal.table(None, *heads)
    for each in inspected:
        counts = (str(each.counts[outcome]) for outcome in Outcome)
        terminal.row(summary, each.system, str(each.level), each.regime, *counts)
    terminal.show(summary)
    for each in inspected:
        system = f"{each.system}: " if len(inspected) > 1 else ""
        for line in each.failures:
            terminal.say(f"{system}{line}")
    for each in inspected:
        name = f"report.{language.value}.html"
        terminal.say(translator.say("Report: {path}", path=str(each.folder / "reports" / name)))
    if wish.to is not None:
        views = [each.view(registry) for each in inspected]
        for path in write(wish.to, render(views, wish.names(registry), registry)):
            terminal.say(translator.say("Report: {path}", path=str(path)))


def _where(finding: Finding) -> str:
    """What a finding is about, among those of several systems: the subject with its address, or the system's id."""
    subject = finding.system if finding.subject == SYSTEM.uri else finding.subject
    return f"{subject} {finding.address}" if finding.address else subject


def write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write report files into a folder of the user's. Raises UsageError when that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"{error.filename}: cannot be written: {error.strerror}", remedy="choose another folder with --to"
        ) from None
    return [folder / name for name in sorted(files)]
