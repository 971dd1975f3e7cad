"""REPORT: the sealed assessments of a run, read one after the other, become its overview."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from inspector import __version__
from inspector.model.errors import BundleError, InspectorError
from inspector.model.language import Language
from inspector.pipeline.reporting import WrittenAssessment, contained_rendering
from inspector.record.inspection import Inspection
from inspector.registry.registry import Registry
from inspector.report.ledger_totals import LedgerTotals
from inspector.report.messages import Translator
from inspector.report.renderer import RunRenderer
from inspector.report.run_overview import AssessedSystem, RunCounter, RunOverview, RunState, SystemRow
from inspector.report.view import View
from inspector.seal import Bundle, RunIndex, State
from inspector.seal.layout import REPORTS
from inspector.seal.run_index import Attempt

__all__ = ["is_run", "overview_of", "render_run", "system_of"]


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    if not folder.is_dir():  # as links in a circle are none, which cannot be resolved
        return False
    return RunIndex(folder.resolve().parent, folder.resolve().name).path.is_file()


def overview_of(
    folder: Path, registry: Registry, known: Callable[[str], AssessedSystem | None] = lambda _inspection: None
) -> RunOverview:
    """The overview of the run in a folder. One assessment at a time is in memory. Raises BundleError for the index.

    ``known`` gives the systems, by inspection, whose bundles need not be read for it.
    """
    whole = folder.resolve()
    counter = RunCounter()
    translators = {language: Translator(registry, language) for language in Language}
    rows = [
        _row(whole, each, counter, registry, translators, known)
        for each in _last(RunIndex(whole.parent, whole.name).attempts())
    ]
    return counter.overview(whole.name, __version__, rows)


def system_of(written: WrittenAssessment) -> AssessedSystem:
    """The system of an assessment that was written just now, as the overview of its run shows it."""
    place = written.folder.resolve().parents[1]
    inspection = written.view.inspection
    row = SystemRow(
        system=inspection.system.id,
        state=RunState.NOT_ASSESSED,
        inspection=inspection.id,
        folder=f"{inspection.system.id}/{inspection.id}",
    )
    return _assessed_system(row, written.view, written.folder, place.parents[1])


def _last(attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """The attempt of each system that counts: the last one that was sealed, else the last one."""
    latest: dict[str, Attempt] = {}
    for each in attempts:
        known = latest.get(each.system)
        if known is None or each.state is State.SEALED or known.state is not State.SEALED:
            latest[each.system] = each
    yield from latest.values()


_UNSEALED = {State.BEGUN: RunState.INTERRUPTED, State.INTERRUPTED: RunState.INTERRUPTED, State.FAILED: RunState.FAILED}


def _row(
    run: Path,
    attempt: Attempt,
    counter: RunCounter,
    registry: Registry,
    translators: dict[Language, Translator],
    known: Callable[[str], AssessedSystem | None],
) -> SystemRow:
    row = SystemRow(
        system=attempt.system,
        state=_UNSEALED.get(attempt.state, RunState.NOT_ASSESSED),
        inspection=attempt.inspection,
        folder=attempt.folder,
        detail=attempt.detail,
    )
    if attempt.state is not State.SEALED or attempt.folder is None:
        return row
    try:
        found = known(attempt.inspection) or _read(run, row, attempt.folder, registry, translators)
    except InspectorError as error:
        return row.model_copy(update={"state": RunState.UNREADABLE, "detail": str(error)})
    counter.add(found)
    return found.row


def _read(
    run: Path, row: SystemRow, place: str, registry: Registry, translators: dict[Language, Translator]
) -> AssessedSystem:
    """A system by its bundle. Raises BundleError."""
    folder = (run / place).resolve()
    if not folder.is_relative_to(run):
        raise BundleError("the index names a folder outside the run")
    bundle = Bundle.open(folder)
    system = bundle.inspection.system
    if (system.id, bundle.inspection.id) != (row.system, row.inspection):
        raise BundleError("the folder holds another inspection than the index says")
    judged = bundle.assessments()
    if not judged:
        return AssessedSystem(row=_with_names(row, bundle.inspection), requirements=())
    newest = judged[-1]
    view = View(
        inspection=bundle.inspection,
        assessment=newest.assessment,
        registry=registry,
        regime=None,
        evidence={},
        ledger=LedgerTotals(),
        head=bundle.digest,
        translators=translators,
    )
    return _assessed_system(row, view, newest.folder, run)


def _with_names(row: SystemRow, inspection: Inspection) -> SystemRow:
    system = inspection.system
    return row.model_copy(update={"name": system.name, "owner": system.owner, "began": inspection.begun})


def _assessed_system(row: SystemRow, view: View, assessment: Path, run: Path) -> AssessedSystem:
    """The row of a system with what the assessment in a folder counts, and with the reports that there are."""
    report = {}
    for language in Language:
        name = f"report.{language.value}.html"
        kept, beside = assessment / REPORTS / name, assessment.parents[2] / f"{assessment.name}.{name}"
        path = next((each for each in (kept, beside) if each.is_file()), None)
        if path is not None:
            report[language] = path.resolve().relative_to(run).as_posix()
    named = _with_names(row, view.inspection).model_copy(update={"report": report})
    identifying = {check.id for check in view.registry.checks.values() if check.facts_identify}
    return AssessedSystem.of(named, view.assessment, view.title, identifying)


def render_run(overview: RunOverview, formats: Iterable[str], registry: Registry) -> dict[str, bytes]:
    """The files of an overview by name; a localised format in every language."""
    files: dict[str, bytes] = {}
    for name in formats:
        renderer: RunRenderer = registry.run_renderers[name]
        for language in Language if renderer.localised else (Language.EN,):
            files[renderer.file(language)] = contained_rendering(renderer.name, renderer.render, overview, language)
    return files
