"""REPORT: sealed bundles become views, and views become report files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from inspector.declare.inspection_record import InspectionRecord
from inspector.model.errors import BundleError, PluginError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.model.line_file import open_plain
from inspector.pipeline.context import unmarked
from inspector.pipeline.request import ReportOptions
from inspector.plugin.containment import contained, described
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.record.limits import FILE_BYTES
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime
from inspector.regime.selection import with_transitions
from inspector.registry.registry import Registry
from inspector.report.difference_view import DifferenceView
from inspector.report.ledger_totals import totals
from inspector.report.view import View
from inspector.seal import Bundle, SigningKey, add_assessment
from inspector.seal.layout import REPORTS

_log = logging.getLogger(__name__)


class WrittenAssessment(NamedTuple):
    """An assessment in the bundle: as reports see it, the folder that holds it, and its report files by name."""

    view: View
    folder: Path
    reports: Mapping[str, Path] = {}


def write_assessment(
    bundle: Bundle,
    assessment: Assessment,
    registry: Registry,
    options: ReportOptions,
    key: SigningKey,
    mark: Callable[[View], View] = unmarked,
) -> WrittenAssessment:
    """Write an assessment into the bundle, and its reports beside the bundle, or with ``keep_reports`` into it.

    Beside it their names begin with the assessment's. Raises BundleError.
    """
    made = mark(view(bundle, assessment, registry, options.record))
    files = dict(_within_limit(render([made], options.formats, registry)))
    folder = add_assessment(bundle, assessment, files if options.keep_reports else {}, key)
    if options.keep_reports:
        reports = {name: folder / REPORTS / name for name in files}
    else:
        reports = {name: bundle.folder.parent / f"{folder.name}.{name}" for name in files}
        remedy = FormattedMessage(
            "check the disk, then write the reports with 'inspector report {folder}'", folder=bundle.folder
        )
        write_private({reports[name]: data for name, data in files.items()}, remedy=remedy)
    about = {"system": assessment.system, "inspection": assessment.inspection, "regime": assessment.regime}
    _log.info("reports written", extra={**about, "count": len(files), "path": folder})
    return WrittenAssessment(made, folder, reports)


def write_private(files: Mapping[Path, bytes], *, remedy: str) -> None:
    """Write report files into folders of the user's, for nobody else to read.

    Raises BundleError when that cannot be done, or when a link is in the place of a file.
    """
    for place, data in files.items():
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = open_plain(place, os.O_WRONLY)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                file.write(data)
        except OSError as error:
            raise BundleError(
                FormattedMessage("{file}: cannot be written: {reason}", file=place, reason=error.strerror),
                remedy=remedy,
            ) from None


def _within_limit(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The report files that a bundle can hold; one that is too large is named in the log."""
    for name, data in files.items():
        if len(data) > FILE_BYTES:
            _log.warning("a report is too large and was left out", extra={"path": name, "count": len(data)})
        else:
            yield name, data


def view(bundle: Bundle, assessment: Assessment, registry: Registry, record: InspectionRecord | None = None) -> View:
    """The view of one assessment of a sealed bundle; a record about another system is left out."""
    return View(
        inspection=bundle.inspection,
        assessment=assessment,
        registry=registry,
        regime=regime_of_assessment(bundle.inspection, assessment, registry),
        evidence=dict(bundle.evidence()),
        ledger=totals(bundle.ledger_lines()),
        head=bundle.digest,
        signers=tuple(bundle.signers),
        record=record if record is not None and record.system in (None, assessment.system) else None,
    )


def regime_of_assessment(inspection: Inspection, assessment: Assessment, registry: Registry) -> Regime | None:
    """The regime that an assessment was made under; None when neither the capture nor an installed plugin has it."""
    wanted = (assessment.regime, assessment.regime_version)
    captured = [each for each in (inspection.regime, inspection.next_regime) if each is not None]
    for regime in captured:
        if (regime.id, regime.version) == wanted:
            return regime
    known = with_transitions(load_all(registry.profiles))
    return next((each for each in known if (each.id, each.version) == wanted), None)


def render(views: Iterable[View], formats: Iterable[str], registry: Registry) -> dict[str, bytes]:
    """Report files by name; a localised format in every language.

    A joining format gives one file for all views, any other one per view, named by its system if there are several.
    """
    together = tuple(views)
    files: dict[str, bytes] = {}
    for name in _with_others_beside(formats, registry):
        renderer = registry.renderers[name]
        for language in Language if renderer.localised else (Language.EN,):
            file = renderer.file(language)
            if renderer.joins:
                files[file] = contained_rendering(renderer.name, renderer.render, together, language)
            else:
                for each in together:
                    prefix = f"{each.inspection.system.id}." if len(together) > 1 else ""
                    files[f"{prefix}{file}"] = contained_rendering(renderer.name, renderer.render, (each,), language)
    return files


def _with_others_beside(formats: Iterable[str], registry: Registry) -> tuple[str, ...]:
    """The formats, and those whose files they point to."""
    named = tuple(formats)
    beside = (each for name in named for each in registry.renderers[name].beside if each in registry.renderers)
    return tuple(dict.fromkeys((*named, *beside)))


def render_difference(made: DifferenceView, formats: Iterable[str], registry: Registry) -> dict[str, bytes]:
    """The files of a comparison by name, in the formats that have one; a localised format in every language."""
    files: dict[str, bytes] = {}
    for name in formats:
        renderer = registry.renderers[name]
        function = renderer.render_difference
        for language in Language if renderer.localised else (Language.EN,):
            if function is not None:
                file = renderer.file(language, stem="difference")
                files[file] = contained_rendering(renderer.name, function, made, language)
    return files


T = TypeVar("T")


def contained_rendering(name: str, function: Callable[[T, Language], bytes], given: T, language: Language) -> bytes:
    """The bytes of one report file. Raises PluginError for whatever the renderer raises."""
    try:
        with contained():
            data: object = function(given, language)
            if not isinstance(data, bytes):
                raise TypeError(f"render returned {type(data).__name__}, not bytes")
    except Exception as error:
        raise PluginError(
            FormattedMessage(
                "the renderer {name} of {module} fails: {error}",
                name=repr(name),
                module=getattr(function, "__module__", "?"),
                error=described(error),
            ),
            remedy="leave its format out, and assess the sealed inspection again with 'inspector assess'",
        ) from error
    return data
