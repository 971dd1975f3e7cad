"""What two sides of a comparison are read from: a bundle, the folder of a run, or a file of findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from inspector.compare.difference import Judged, Side
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control, truncate
from inspector.model.finding import Finding
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.seal import Bundle, RunIndex, SealedAssessment, State
from inspector.seal.layout import CAPTURE, INDEX

#: The most bytes of a findings.json.
MOST_BYTES = 256 * 2**20
_FINDINGS = TypeAdapter(tuple[Finding, ...])


@dataclass(frozen=True, slots=True)
class JudgedSystem:
    """One system of a side: its sealed bundle, or findings that were given without one."""

    system: str
    bundle: Bundle | None = None
    given: tuple[Finding, ...] = ()

    def newest(self) -> SealedAssessment:
        """The newest assessment of the bundle. Raises UsageError where there is none."""
        assert self.bundle is not None  # noqa: S101  (asked of bundles only)
        return newest_assessment(self.bundle)

    def findings(self) -> tuple[Finding, ...]:
        """The findings of the newest assessment, or those that were given."""
        return self.given if self.bundle is None else self.newest().assessment.findings

    def judged(self) -> Judged:
        """The findings as they were assessed, with what they rest on where that is known."""
        if self.bundle is None:
            return Judged(Side(system=self.system), self.given)
        bundle = self.bundle
        return Judged.of(bundle.inspection, self.newest().assessment, bundle.evidence(), bundle.digest)


def newest_assessment(bundle: Bundle) -> SealedAssessment:
    """The newest assessment of a bundle. Raises UsageError where there is none."""
    assessments = bundle.assessments()
    if not assessments:
        raise UsageError(
            FormattedMessage("{folder}: not assessed yet", folder=bundle.folder),
            remedy=FormattedMessage("run 'inspector assess {folder}' first", folder=bundle.folder),
        )
    return assessments[-1]


def read_side(path: Path) -> tuple[JudgedSystem, ...]:
    """The systems in a bundle, in the folder of a run, or in a file of findings. Raises InspectorError."""
    if (path / CAPTURE).is_dir():
        return (_of_bundle(path),)
    if (path / INDEX).is_file():
        return tuple(_of_run(path))
    if not path.is_dir():
        return tuple(_of_file(path))
    raise UsageError(
        FormattedMessage("{path}: is neither a sealed inspection nor a run", path=path),
        remedy="name the folder of an inspection, the folder of a run, or a findings.json",
    )


def _of_bundle(path: Path) -> JudgedSystem:
    bundle = Bundle.open(path)
    return JudgedSystem(bundle.inspection.system.id, bundle)


def _of_run(path: Path) -> Iterator[JudgedSystem]:
    """The last sealed inspection of each system of a run."""
    folder = path.resolve()
    sealed = {
        each.system: each.folder
        for each in RunIndex(folder.parent, folder.name).attempts()
        if each.state is State.SEALED and each.folder is not None
    }
    if not sealed:
        raise UsageError(
            FormattedMessage("{path}: no system of this run was inspected", path=path), remedy="name another run"
        )
    for name in sealed.values():
        yield _of_bundle(path / name)


def _of_file(path: Path) -> Iterator[JudgedSystem]:
    try:
        findings = _FINDINGS.validate_json(read_regular(path, MOST_BYTES))
    except OSError as error:
        raise _unreadable(path, error.strerror) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise _unreadable(path, escape_control(truncate(f"{place}: {first['msg']}", 300), keep="")) from None
    systems: dict[str, list[Finding]] = {}
    for each in findings:
        systems.setdefault(each.system, []).append(each)
    for system, found in systems.items():
        yield JudgedSystem(system, given=tuple(found))


def _unreadable(path: Path, reason: str | None) -> UsageError:
    return UsageError(
        FormattedMessage("{path}: no findings can be read: {reason}", path=path, reason=reason),
        remedy="name the folder of an inspection, the folder of a run, or a findings.json",
    )
