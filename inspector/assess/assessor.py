"""From plan and evidence to findings: pure, so that a capture can be assessed again under other rules.

A capture is assessed twice, provisionally for the confirmation scans and after the seal, mostly on the same evidence. A
check is pure, so a verdict is determined by the check, its options, the host (for what is declared of it), the digests
of the evidence, and its tables with the day for which it gets them. A verdict reached during the collection is reused
under that key in the same process, which no observation needs to be validated for; and so are all results of a row
whose evidence is still the same. Never reused: outcome *error*, and anything that is parsed again (``--reparse``).
``seal``, ``assess`` and ``verify`` reuse nothing: ``verify`` detects a check that is not pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from inspector import __version__
from inspector.assess.check_inputs import CheckInputs, CommonInputs, check_inputs_of, needs_of, subjects_of
from inspector.assess.common_causes import CommonCauses
from inspector.assess.confirmation import confirm
from inspector.assess.evidence_index import DigestedEvidence, EvidenceIndex, Needs, family_of
from inspector.declare.statement import Statement, apply
from inspector.model.base import Cause, Same, canonical
from inspector.model.declared import Declared, Tenancy
from inspector.model.errors import ScanFailure
from inspector.model.escaping import text_of
from inspector.model.finding import ClauseRef, CommonCause, EvidenceRef, Finding, Force, finding_id
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.observation import STOPPED_ANSWERING, Evidence
from inspector.model.subject import HOST, SYSTEM, BadUri, Subject, SubjectKind, Uri, parse_uri, subject_of
from inspector.model.table import Table
from inspector.model.verdict import ALWAYS_WITHIN_BOUNDS, Message, Outcome, Verdict, bounded
from inspector.plan.planner import applies_to, asks_less, union_of_parts, wanted_options
from inspector.plan.selection import has_check, rows_not_permitted, selects
from inspector.plugin.check import Check
from inspector.plugin.containment import contained, described
from inspector.plugin.probe import Probe
from inspector.plugin.time_limits import Clock
from inspector.record.assessment import Assessment, Coverage, FailedScan, RegimeChange
from inspector.record.inspection import Inspection, PluginRecord
from inspector.record.plan import Selection, VantageLimit
from inspector.regime.regime import NOT_OBSERVABLE, Regime, Requirement
from inspector.registry.registry import Registry

#: Seconds that one check may take: a check is a small pure function.
CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reached:
    """What an assessment of a system reached, for the next one of the same system.

    ``verdicts`` has verdicts by everything that they depend on: check, options, host (for what is declared of it), and
    the digests of evidence and tables, these with their day. ``results`` has those of whole rows by the row's id.
    """

    verdicts: dict[tuple[str, bytes, str | None, tuple[str, ...]], Verdict] = field(default_factory=dict)
    results: dict[str, _RowResults] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssessmentInput:
    """What an assessment depends on: the rules, the system, and every piece of evidence with its digest.

    ``tables`` are the dated facts with which checks compare.
    ``reached`` is what an earlier assessment of the same system reached, and is added to: a check is a pure function.
    Facts that were parsed again keep the digests of the old ones, so what they led to may not be shared.
    """

    inspection: Inspection
    registry: Registry
    regime: Regime
    requirements: Sequence[Requirement]
    evidence: Sequence[DigestedEvidence]
    as_of: datetime
    statements: Sequence[Statement] = ()
    selection: Selection = field(default_factory=Selection)
    overlays: Sequence[str] = ()
    level: int | None = None
    reparse: bool = False
    plugins: Sequence[PluginRecord] = ()
    changes: Sequence[RegimeChange] = ()
    reached: Reached = field(default_factory=Reached)
    tables: Sequence[Table] = ()


def _evaluate(check: Check, arguments: Sequence[object], options: Mapping[str, Any]) -> Verdict:
    """The verdict as it is read back, with bounded texts and lists; raises ValueError where it cannot be stored."""
    verdict = check.evaluate(arguments, options)
    data = verdict.model_dump_json()
    return Verdict.parse(data if len(data) <= ALWAYS_WITHIN_BOUNDS else bounded(verdict).model_dump_json())


def _run_check(check: Check, arguments: Sequence[object], options: Mapping[str, Any], clock: Clock) -> Verdict:
    """The check's verdict; a check that raises or does not end is a bug of its plugin, never the system's failure."""
    try:
        with contained():
            verdict = clock.call(f"check {check.id}", _evaluate, check, arguments, options)
    except Exception as error:  # noqa: BLE001  (whatever a plugin raises becomes an outcome)
        detail = text_of(error, 300) if isinstance(error, ScanFailure) else described(error)
        return Verdict(
            outcome=Outcome.ERROR,
            message=Message(id="the check {check} failed: {detail}", values={"check": check.id, "detail": detail}),
            cause=Cause.BUG,
        )
    if verdict.outcome is Outcome.INCONCLUSIVE and verdict.cause is Cause.BUG:
        verdict = verdict.model_copy(update={"outcome": Outcome.ERROR})
    return verdict


def _status(clauses: Sequence[ClauseRef], inspection: Inspection) -> str | None:
    """The declared status of the measures behind a requirement's clauses."""
    names = {name for clause in clauses for name in (clause.id, clause.number)}
    found = sorted({measure.status.value for measure in inspection.system.measures if measure.clause in names})
    return ", ".join(found) or None


@dataclass(frozen=True, slots=True)
class _Row:
    """A requirement with what all its findings share."""

    requirement: Requirement
    clauses: tuple[ClauseRef, ...]
    declared_status: str | None
    due: bool
    options: bytes


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """A verdict on one subject, and the evidence that it depends on by digest."""

    row: _Row
    subject: Subject
    verdict: Verdict
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    confirmed: bool | None = None

    @property
    def requirement_id(self) -> str:
        """The id of the requirement."""
        return self.row.requirement.id


@dataclass(frozen=True, slots=True)
class _RowResults:
    """The results of a row, with everything that they rest on."""

    rest_on: tuple[object, ...]
    results: tuple[RequirementResult, ...]


@lru_cache(maxsize=4096)
def _clauses_and_options(regime: Same[Regime], requirement: Same[Requirement]) -> tuple[tuple[ClauseRef, ...], bytes]:
    """The clauses of a row, and its options in canonical JSON; systems of one kind share their rows."""
    row = requirement.value
    return tuple(regime.value.clause(each).reference() for each in row.clauses), canonical(row.options)


def _rank(result: RequirementResult) -> tuple[int, int, str, tuple[str, str, str]]:
    """The order of failures as causes of others: by force, severity, requirement and subject."""
    row = result.row.requirement
    return row.force.rank, -row.severity.rank, row.id, result.subject.key


@dataclass(frozen=True, slots=True)
class _Questions:
    """The rows that are asked about, and the ids of those of them that no authorisation permits, and of the others."""

    selected: tuple[Requirement, ...]
    not_permitted: frozenset[str]
    permitted: frozenset[str]


@lru_cache(maxsize=128)
def _questions_of(
    known: Same[Sequence[Requirement]], at: Same[Registry], selection: Selection, granted: frozenset[Intrusiveness]
) -> _Questions:
    """The same for all systems whose rows are the same; one that was captured with a plugin that is gone since is not
    asked about.
    """
    registry = at.value
    selected = [each for each in known.value if has_check(each, registry) and selects(selection, each, registry)]
    beyond = rows_not_permitted(selected, registry, granted, selection)
    return _Questions(tuple(selected), beyond, frozenset(each.id for each in selected) - beyond)


@lru_cache(maxsize=1024)
def _widest_options(questions: Same[_Questions], probe: str) -> Mapping[str, Any]:
    """The widest scan options that the rows ask of a probe."""
    return wanted_options(probe, questions.value.selected)


@lru_cache(maxsize=1024)
def _probes_of(check: Same[Check], registry: Same[Registry]) -> tuple[Probe, ...]:
    """The probes whose observations a check takes."""
    return tuple(probe for wire in check.value.inputs if wire.kind for probe in registry.value.producers(wire.kind))


@dataclass(slots=True)
class _Assessor:
    given: AssessmentInput
    index: EvidenceIndex
    clock: Clock
    common: CommonInputs
    questions: _Questions
    #: The declared endpoints, but those of a scheme whose plugin is gone.
    endpoints: Sequence[Uri]
    #: What all results rest on, beside their row and its evidence.
    rest_on: tuple[object, ...]
    _declared: dict[str | None, Declared] = field(default_factory=dict)
    _less: dict[str, bool] = field(default_factory=dict)
    _applies: dict[str, bool] = field(default_factory=dict)
    _references: dict[str, EvidenceRef] = field(default_factory=dict)

    @classmethod
    def of(cls, given: AssessmentInput, clock: Clock) -> _Assessor:
        """The assessor of everything that was captured."""
        common = CommonInputs({each.kind: each for each in given.tables}, given.as_of)
        granted = frozenset(each.intrusiveness for each in given.inspection.authorisations)
        questions = _questions_of(Same(given.requirements), Same(given.registry), given.selection, granted)
        index = EvidenceIndex(given.evidence)
        rest_on = (
            *(Same(given.inspection), Same(given.registry), Same(given.regime), Same(given.requirements)),
            *(given.as_of, given.selection, common.digests, frozenset(index.subjects())),
        )
        return cls(given, index, clock, common, questions, list(_endpoints(given)), rest_on)

    def _declared_of(self, host: str | None) -> Declared:
        if host not in self._declared:
            self._declared[host] = self.given.inspection.system.declared(host)
        return self._declared[host]

    def _row(self, requirement: Requirement) -> _Row:
        given = self.given
        clauses, options = _clauses_and_options(Same(given.regime), Same(requirement))
        return _Row(
            requirement=requirement,
            clauses=clauses,
            declared_status=_status(clauses, given.inspection),
            due=requirement.is_due(given.as_of),
            options=options,
        )

    def findings(self) -> Iterator[Finding]:
        results = list(self.results(self.given.requirements))
        ranked = sorted(results, key=_rank)
        causes = CommonCauses.of(ranked, self.given.evidence, self.given.registry.probes)
        for each in results:
            yield self._finding(each, causes.behind(each))

    def results(self, requirements: Iterable[Requirement]) -> Iterator[RequirementResult]:
        for requirement in requirements:
            if requirement.check == NOT_OBSERVABLE:
                if not self.given.selection.only and not self.given.selection.findings:
                    yield RequirementResult(self._row(requirement), SYSTEM, _UNOBSERVABLE)
            elif requirement.id in self.questions.permitted:
                yield from self._known_results(requirement)

    def _known_results(self, requirement: Requirement) -> Iterable[RequirementResult]:
        """The results of a row: the known ones, where all that they rest on is the same."""
        check = self.given.registry.checks[requirement.check]
        seen = tuple(self.index.digests(family_of(wire.kind.kind)) for wire in check.inputs if wire.kind)
        rest_on = (Same(requirement), seen, *self.rest_on)
        known = self.given.reached.results.get(requirement.id)
        if known is not None and known.rest_on == rest_on:
            return known.results
        subjects = subjects_of(check, self.index)
        results = tuple(self._results(requirement, check, subjects))
        # Why there is no subject depends on all evidence; an error may be transient.
        if subjects and all(each.verdict.outcome is not Outcome.ERROR for each in results):
            self.given.reached.results[requirement.id] = _RowResults(rest_on, results)
        return results

    def _results(
        self, requirement: Requirement, check: Check, subjects: Sequence[Subject]
    ) -> Iterator[RequirementResult]:
        row = self._row(requirement)
        not_swept = self._not_swept(check, subjects)
        if self.given.selection.findings:
            asked = {each.subject for each in self.given.selection.findings if each.requirement == requirement.id}
            subjects = [each for each in subjects if each.uri in asked]
            not_swept = [each for each in not_swept if each.uri in asked]
            if not subjects and not not_swept:
                yield RequirementResult(row, SYSTEM, _unasked(self._cause_of_no_discovery(check) or Cause.NOT_REACHED))
        elif not subjects and not not_swept:
            yield RequirementResult(row, SYSTEM, self._without_subject(check))
        for host in not_swept:
            yield RequirementResult(row, host, _unasked(Cause.NOT_SELECTED))
        for subject in subjects:
            if requirement.vantages and self.given.inspection.vantage.kind not in requirement.vantages:
                yield RequirementResult(row, subject, _WRONG_VANTAGE)
                continue
            yield self._about(row, check, subject)

    def _not_swept(self, check: Check, subjects: Sequence[Subject]) -> list[Subject]:
        """The declared hosts of which a check would need a sweep that no endpoint asks for."""
        system = self.given.inspection.system
        swept = {f"{HOST.name}:{each.host}" for each in subjects}
        declared = dict.fromkeys(f"{HOST.name}:{each.name}" for each in system.hosts)
        missing = [each for each in declared if each not in swept and each not in system.endpoints]
        if not missing or SYSTEM in subjects or not self._needs_sweep(check):
            return []
        if check.about is SubjectKind.SYSTEM:
            return [SYSTEM]
        known = self.given.registry.schemes
        return [subject_of(parse_uri(each, known), SubjectKind.HOST) for each in sorted(missing)]

    def _needs_sweep(self, check: Check) -> bool:
        """Whether the check is about what scans of whole hosts alone can see."""
        return any(probe.schemes == {HOST} for probe in self._probes(check))

    def _probes(self, check: Check) -> tuple[Probe, ...]:
        return _probes_of(Same(check), Same(self.given.registry))

    def _without_subject(self, check: Check) -> Verdict:
        """The verdict of a check that has nothing to be about: not applicable only where nothing may be missing."""
        if self._is_declared(check):
            return _unasked(Cause.NOT_SELECTED)
        cause = self._cause_of_no_discovery(check)
        return _UNDECLARED if cause is None else _unasked(cause)

    def _cause_of_no_discovery(self, check: Check) -> Cause | None:
        """Why a scan that might have discovered a subject of this check gave no observation; None where none failed."""
        probes = self.given.registry.probes
        schemes = {scheme for probe in self._probes(check) for scheme in probe.schemes}
        for _, evidence in self.given.evidence:
            by = probes.get(evidence.probe) if evidence.facts is None else None
            if by is not None and by.discovers & schemes:
                return evidence.failure.cause if evidence.failure else Cause.NOT_REACHED
        return None

    def _is_declared(self, check: Check) -> bool:
        """Whether a probe would scan a declared endpoint for this check; then missing evidence is not absence."""
        return any(map(self._is_asked, self._probes(check)))

    def _is_asked(self, probe: Probe) -> bool:
        """Whether the probe would scan a declared endpoint."""
        if probe.name not in self._applies:
            self._applies[probe.name] = any(applies_to(probe, uri) for uri in self.endpoints)
        return self._applies[probe.name]

    def _about(self, row: _Row, check: Check, subject: Subject) -> RequirementResult:
        declared = self._declared_of(subject.host)
        inputs = check_inputs_of(check, subject, self.index, declared, self.common)
        again = inputs
        first = self._verdict(row, check, inputs)
        if any(wire.kind and family_of(wire.kind.kind) in self.index.rescanned for wire in check.inputs):
            needs = {family_of(each[1].kind): needs_of(check, first, each, self.index) for each in inputs.evidence}
            again = check_inputs_of(check, subject, self.index, declared, self.common, needs)
        confirmed_by = any(evidence.scan == 2 for _, evidence in again.evidence)
        second = self._verdict(row, check, again) if confirmed_by else None
        verdict, confirmed = confirm(first, second)
        if row.requirement.unsettled and verdict.outcome is Outcome.FAIL:
            verdict = verdict.model_copy(update=_UNSETTLED)
        evidence = dict((*inputs.evidence, *(again.evidence if confirmed_by else ())))
        return RequirementResult(row, subject, verdict, evidence, confirmed if inputs.evidence else None)

    def _verdict(self, row: _Row, check: Check, inputs: CheckInputs) -> Verdict:
        known = self.given.reached.verdicts
        digests = (*(digest for digest, _ in inputs.evidence), *inputs.tables)
        key = (check.id, row.options, inputs.subject.host, digests)
        verdict = known.get(key) or _run_check(check, inputs.arguments(), row.requirement.options, self.clock)
        if verdict.outcome is not Outcome.ERROR:  # which may be transient
            known[key] = verdict
        if verdict.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) and self._has_asked_less(inputs):
            return _ASKED_LESS
        return verdict

    def _has_asked_less(self, inputs: CheckInputs) -> bool:
        """Whether a scan asked less than the rows want of its probe, as in a capture for a lower level."""
        return any(self._asked_less(digest, each) for digest, each in inputs.evidence)

    def _asked_less(self, digest: str, evidence: Evidence) -> bool:
        if digest not in self._less:
            wanted = _widest_options(Same(self.questions), evidence.probe)
            self._less[digest] = evidence.facts is not None and asks_less(evidence.options, wanted)
        return self._less[digest]

    def _finding(self, result: RequirementResult, follows_from: CommonCause | None) -> Finding:
        row, subject, verdict, evidence = result.row, result.subject, result.verdict, result.evidence
        given, requirement = self.given, row.requirement
        tenancy = self._declared_of(subject.host).tenancy if subject.host else Tenancy.UNKNOWN
        finding = Finding(
            id=finding_id(requirement.id, subject.uri),
            system=given.inspection.system.id,
            subject=subject.uri,
            endpoint=next((each.endpoint for each in evidence.values() if each.endpoint), None),
            address=subject.address,
            requirement=requirement.id,
            check=requirement.check,
            outcome=verdict.outcome,
            cause=verdict.cause,
            follows_from=follows_from,
            obligation=requirement.obligation,
            force=requirement.force,
            severity=requirement.severity,
            clauses=row.clauses,
            message=verdict.message,
            measured=verdict.measured,
            threshold=verdict.threshold,
            facts=verdict.facts,
            evidence=tuple(self._reference(digest, evidence[digest]) for digest in sorted(evidence)),
            seen_at=max((each.ended for each in evidence.values()), default=None),
            confirmed=result.confirmed,
            not_yet_due=verdict.outcome is Outcome.FAIL and not row.due,
            attributed_to=tenancy.value if tenancy in (Tenancy.SHARED, Tenancy.CDN) else None,
            declared_status=row.declared_status,
        )
        return apply(finding, tuple(given.statements), given.as_of)

    def _reference(self, digest: str, evidence: Evidence) -> EvidenceRef:
        if digest not in self._references:
            raw = tuple(sorted(ref.sha256 for ref in evidence.raw))
            self._references[digest] = EvidenceRef(evidence=digest, raw=raw, scan=evidence.scan)
        return self._references[digest]

    def coverage(self) -> Coverage:
        firsts = [evidence for _, evidence in self.given.evidence if evidence.scan == 1]
        missed = [
            FailedScan(
                probe=evidence.probe,
                subject=evidence.subject,
                cause=evidence.failure.cause if evidence.failure else Cause.NOT_REACHED,
                detail=evidence.failure.detail if evidence.failure else "",
            )
            for evidence in firsts
            if evidence.facts is None
        ]
        kept = self.questions.selected
        hidden = [each for each in self.given.requirements if each.check == NOT_OBSERVABLE]
        left = {each.id for each in self.given.requirements} - {each.id for each in (*kept, *hidden)}
        return Coverage(
            asked=len(firsts),
            seen=sum(evidence.facts is not None for evidence in firsts),
            missed=tuple(sorted(missed, key=lambda each: (each.probe, each.subject.key))),
            not_selected=tuple(sorted(left)),
            not_installed=tuple(
                sorted({each.id for each in self.given.requirements if not has_check(each, self.given.registry)})
            ),
            not_authorised=tuple(sorted(self.questions.not_permitted)),
            not_observable=tuple(sorted(each.id for each in hidden)),
            limits=(*self.given.inspection.plan.limits, *self._stopped()),
        )

    def _stopped(self) -> Iterator[VantageLimit]:
        """The addresses that stopped answering this vantage, as one limit."""
        addresses = {
            evidence.subject.address
            for _, evidence in self.given.evidence
            if any(gap.question == STOPPED_ANSWERING for gap in evidence.gaps)
        }
        if stopped := sorted(filter(None, addresses)):
            detail = "these addresses stopped answering this vantage, probably because they limit or block connections"
            yield VantageLimit(id="rate-limited", detail=detail, addresses=tuple(stopped))


_UNOBSERVABLE = Verdict(
    outcome=Outcome.NOT_OBSERVABLE,
    message=Message(id="this cannot be observed from outside; see the declared status"),
)
_UNDECLARED = Verdict(
    outcome=Outcome.NOT_APPLICABLE, message=Message(id="the declaration lists nothing to which this applies")
)


def _unasked(cause: Cause) -> Verdict:
    return Verdict(
        outcome=Outcome.ERROR if cause is Cause.BUG else Outcome.INCONCLUSIVE,
        message=Message(id="nothing was scanned: {cause}", values={"cause": cause.value}),
        cause=cause,
    )


#: What becomes of a failure where the declaration does not say whether the rule binds the system.
_UNSETTLED = {
    "outcome": Outcome.INCONCLUSIVE,
    "message": Message(id="not met, but the declaration does not state whether the rule binds this system"),
    "cause": Cause.AMBIGUOUS,
}
_ASKED_LESS = Verdict(
    outcome=Outcome.INCONCLUSIVE,
    message=Message(id="what the scan asked shows nothing else, but the requirement asks for a wider scan"),
    cause=Cause.NOT_SELECTED,
)
_WRONG_VANTAGE = Verdict(
    outcome=Outcome.INCONCLUSIVE,
    message=Message(id="the requirement is judged from other vantages only"),
    cause=Cause.WRONG_VANTAGE,
)


def _endpoints(given: AssessmentInput) -> Iterator[Uri]:
    for text in given.inspection.system.endpoints:
        with suppress(BadUri):
            yield parse_uri(text, given.registry.schemes)


def assess(given: AssessmentInput) -> Assessment:
    """Assess everything that was captured. Pure: the same inputs give the same bytes."""
    with Clock.of(CHECK_SECONDS) as clock:
        assessor = _Assessor.of(given, clock)
        findings = sorted(
            assessor.findings(), key=lambda each: (each.requirement, each.subject, each.address or "", each.outcome)
        )
    return Assessment(
        inspection=given.inspection.id,
        system=given.inspection.system.id,
        level=given.level or given.inspection.system.level,
        as_of=given.as_of,
        regime=given.regime.id,
        regime_version=given.regime.version,
        overlays=tuple(sorted(given.overlays)),
        inspector_version=__version__,
        requirements=tuple(given.requirements),
        findings=tuple(findings),
        coverage=assessor.coverage(),
        statements=tuple(each for each in given.statements if any(map(each.about, findings))),
        reparse=given.reparse,
        plugins=tuple(given.plugins),
        next_regime=given.regime.next,
        changes=tuple(given.changes),
        tables=tuple(given.tables),
    )


def tasks_to_confirm(given: AssessmentInput) -> dict[tuple[str, str, str, str], Needs]:
    """The keys of the scan tasks that failing verdicts depend on, (probe, kind, URI, address), each with the parts of
    its observation that the failing checks need, None for all.

    A failing row of force info has no consequence, so it is not confirmed.
    """
    checks = given.registry.checks
    rows = [each for each in given.requirements if each.force is not Force.INFO]
    with Clock.of(CHECK_SECONDS) as clock:
        assessor = _Assessor.of(given, clock)
        failing: dict[str, list[Needs]] = {}
        for result in assessor.results(rows):
            if result.verdict.outcome is Outcome.FAIL:
                check = checks[result.row.requirement.check]
                for digest, each in result.evidence.items():
                    needs = needs_of(check, result.verdict, (digest, each), assessor.index)
                    failing.setdefault(digest, []).append(needs)
    return {
        (each.probe, *each.subject.key): union_of_parts(failing[digest])
        for digest, each in given.evidence
        if digest in failing and each.facts and each.scan == 1
    }
