"""The view that all renderers share: one assessment with its context, sorted and counted once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.compare.baseline import Baseline
from inspector.declare.document import SourceLocation
from inspector.declare.inspection_record import InspectionRecord
from inspector.model.base import Answer, Cause
from inspector.model.declared import DeclaredPort
from inspector.model.escaping import escape_control
from inspector.model.finding import CommonCause, Finding, Force
from inspector.model.language import Language
from inspector.model.observation import Evidence
from inspector.model.subject import BadUri, Uri, UriForm, parse_uri
from inspector.model.table import Table
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.regime.regime import Regime, Requirement
from inspector.report.declared_vs_seen import (
    Comparison,
    EndpointSeen,
    PortSeen,
    ScanIndex,
    endpoint_seen,
    has_port_states,
    observation_of,
    transport_of,
)
from inspector.report.ledger_totals import LedgerTotals
from inspector.report.messages import Contributions, Translator
from inspector.report.remedies import ProductRemedies, gathered, offers, remedies_of
from inspector.report.standing import Standing


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """A common cause, the failure that reports it (if any), and the findings that follow from it."""

    cause: CommonCause
    failure: Finding | None
    followers: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One assessment as renderers get it.

    ``regime`` is the one assessed under (None when neither the capture nor an installed plugin has that version);
    ``evidence`` is keyed by digest; ``head`` is the digest that the signature covers; ``folder`` is where the
    assessment was written, if it was; ``record`` is the record of the inspection, if one is given. ``standings`` are
    what the findings do to the exit code, in their order, by the caller's rule (empty: there is none); ``blind``:
    nothing answered, which ends with exit code 3 where nothing else counts; ``baseline`` are the failures that the
    caller knows of, if any were given.
    """

    inspection: Inspection
    assessment: Assessment
    registry: Contributions
    regime: Regime | None
    evidence: Mapping[str, Evidence]
    ledger: LedgerTotals
    head: str
    signers: tuple[str, ...] = ()
    folder: Path | None = None
    record: InspectionRecord | None = None
    standings: tuple[Standing, ...] = ()
    blind: bool = False
    baseline: Baseline | None = None
    translators: dict[Language, Translator] = field(default_factory=dict)
    _causes: list[tuple[CauseGroup, ...]] = field(init=False, repr=False, compare=False, default_factory=list)
    _standing: dict[int, Standing] = field(init=False, repr=False, compare=False, default_factory=dict)

    def standing(self, finding: Finding) -> Standing:
        """What a finding of this assessment does to the exit code; without a rule every requirement counts."""
        if not self._standing:
            found = self.standings or map(_unruled, self.assessment.findings)
            self._standing.update(
                {id(each): standing for each, standing in zip(self.assessment.findings, found, strict=True)}
            )
        return self._standing[id(finding)]

    @property
    def stale_tables(self) -> tuple[Table, ...]:
        """The tables that were too old for anything to pass by them when the inspection began."""
        began = self.inspection.begun.date()
        return tuple(each for each in self.assessment.tables if each.is_stale(began))

    def is_known(self, finding: Finding) -> bool:
        """Whether a finding is a failure that the baseline contains."""
        return finding.outcome is Outcome.FAIL and self.baseline is not None and finding in self.baseline

    def translator(self, language: Language) -> Translator:
        """The translator of one language."""
        return self.translators.setdefault(language, Translator(self.registry, language))

    def requirement(self, finding: Finding) -> Requirement | None:
        """The row of a finding; None when the assessment does not contain it."""
        return next((each for each in self.assessment.requirements if each.id == finding.requirement), None)

    def title(self, finding: Finding, language: Language) -> str:
        """The row's own title, or that of its check."""
        return self._title(self.requirement(finding), finding.check, language) or escape_control(finding.requirement)

    def heading(self, requirement: str, language: Language) -> str:
        """The title of a row of the assessed regime, or of the next one; its id when neither has it."""
        following = self.inspection.next_regime.requirements if self.inspection.next_regime else ()
        known = (*self.assessment.requirements, *(self.regime.requirements if self.regime else ()), *following)
        row = next((each for each in known if each.id == requirement), None)
        return (self._title(row, row.check, language) if row else "") or escape_control(requirement)

    def _title(self, row: Requirement | None, check: str, language: Language) -> str:
        if row is not None and row.title is not None:
            return escape_control(row.title.vi if language is Language.VI else row.title.en)
        return self.translator(language).check(check, "title")

    @property
    def binding(self) -> tuple[Finding, ...]:
        """Part A: rows of law, regulation or a clause."""
        return _ranked(
            each for each in self.assessment.findings if each.force in (Force.BINDING, Force.CLAUSE_EVIDENCE)
        )

    @property
    def recommended(self) -> tuple[Finding, ...]:
        """Part B: rows of international baselines."""
        return _ranked(each for each in self.assessment.findings if each.force in (Force.BASELINE, Force.INFO))

    def counts(self, findings: Iterable[Finding] | None = None) -> dict[Outcome, int]:
        """The number of findings per outcome, for every outcome, without those that follow from a common cause."""
        given = self.assessment.findings if findings is None else findings
        counted = Counter(each.outcome for each in given if each.follows_from is None)
        return {outcome: counted[outcome] for outcome in Outcome}

    @property
    def followers(self) -> tuple[Finding, ...]:
        """The findings that follow from a common cause."""
        return tuple(each for each in self.assessment.findings if each.follows_from is not None)

    def causes(self) -> tuple[CauseGroup, ...]:
        """The common causes with what follows from them, in the order of subjects."""
        if not self._causes:
            self._causes.append(self._grouped())
        return self._causes[0]

    def _grouped(self) -> tuple[CauseGroup, ...]:
        groups: dict[CommonCause, list[Finding]] = {}
        for each in self.followers:
            if each.follows_from is not None:
                groups.setdefault(each.follows_from, []).append(each)
        return tuple(
            CauseGroup(cause, self._failure_of(cause), tuple(found))
            for cause, found in sorted(groups.items(), key=lambda item: (item[0].subject, item[0].canonical()))
        )

    def _failure_of(self, cause: CommonCause) -> Finding | None:
        """The failing finding that reports a cause, at the cause's address."""
        if cause.finding is None:
            return None
        found = [each for each in self.assessment.findings if each.id == cause.finding]
        return next((each for each in found if each.address == cause.address), None)

    def cause_text(self, cause: CommonCause, language: Language) -> str:
        """Which subject could not be inspected and why, without a full stop: the failure, or else the cause."""
        translator = self.translator(language)
        where = translator.value(f"{cause.subject} [{cause.address}]" if cause.address else cause.subject)
        failure = self._failure_of(cause)
        reason = translator.term(cause.cause) if failure is None else translator.message(failure)
        text = "{subject} could not be inspected completely: {reason}"
        return translator.composed(text, subject=where, reason=reason)

    def remedies(self, findings: Iterable[Finding]) -> tuple[ProductRemedies, ...]:
        """What to set so that the checks of these findings pass, by each product that may be what answers there."""
        return gathered(
            (each.check, product, filled)
            for each in findings
            if each.check in self.registry.checks
            for product, remedy in remedies_of(self.registry.package_of(each.check), each.check).items()
            if offers(product, remedy, each.subject, self.registry.schemes) and (filled := remedy.filled(each))
        )

    def position(self, finding: Finding) -> SourceLocation | None:
        """The location of a finding's endpoint in the declaration, else the first line of the file.

        None when nothing was declared in a file.
        """
        source_map = self.inspection.endpoint_locations
        for uri in (finding.endpoint, finding.subject):
            if uri in source_map:
                return source_map[uri]
        source = next((each.source for each in source_map.values()), None)
        return SourceLocation(source=source, line=1, column=1) if source is not None else None

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        """The scans of every declared endpoint."""
        scans = ScanIndex(each for each in self.evidence.values() if each.scan == 1)
        return tuple(endpoint_seen(uri, scans.at(uri, self._uri(uri))) for uri in self.inspection.system.endpoints)

    def _uri(self, text: str) -> Uri | None:
        try:
            return parse_uri(text, self.registry.schemes)
        except BadUri:
            return None

    def comparisons(self) -> tuple[Comparison, ...]:
        """Declared and seen ports, for every address whose ports were scanned."""
        found: dict[tuple[str, str], dict[str, Answer[Any]]] = defaultdict(dict)
        for each in self.evidence.values():
            kind = self.registry.kinds.get(each.kind)
            if each.scan == 1 and kind is not None and has_port_states(kind):
                seen = observation_of(each, kind)
                cause = each.failure.cause if each.failure else Cause.NOT_REACHED
                answer = Answer[Any](unseen=cause) if seen is None else Answer[Any](seen=seen)
                found[each.subject.host or "", each.subject.address or ""][transport_of(kind)] = answer
        return tuple(self._comparison(*where, scans) for where, scans in sorted(found.items()))

    def _comparison(self, host: str, address: str, scans: Mapping[str, Answer[Any]]) -> Comparison:
        """``scans`` are the observations of the address's ports by their protocol."""
        declared = self.inspection.system.declared(host)
        ports = {str(port): port for port in (*self._endpoint_ports(host), *declared.ports)}
        named = frozenset(ports)
        for protocol, scan in scans.items():
            for number in scan.seen.open if scan.seen is not None else ():
                port = DeclaredPort.model_validate(f"{number}/{protocol}")
                ports.setdefault(str(port), port)
        rows = []
        for name, port in sorted(ports.items(), key=lambda item: (item[1].protocol, item[1].port)):
            scan = scans.get(port.protocol, Answer[Any](unseen=Cause.NOT_SELECTED))
            answer = scan if scan.seen is None else scan.seen.state(port.port)
            rows.append(
                PortSeen(
                    port=name,
                    service=port.service,
                    declared=name in named,
                    state=str(answer.seen) if answer.is_seen else None,
                    cause=answer.unseen,
                )
            )
        return Comparison(host=host, address=address, tenancy=declared.tenancy, ports=tuple(rows))

    def _endpoint_ports(self, host: str) -> Iterator[DeclaredPort]:
        for text in self.inspection.system.endpoints:
            uri = self._uri(text)
            if uri is not None and uri.host == host and uri.port is not None and uri.scheme.form is not UriForm.NAME:
                yield DeclaredPort(port=uri.port, protocol="udp" if uri.scheme.name == "udp" else "tcp")


def _unruled(finding: Finding) -> Standing:
    """What a finding does to the exit code where every requirement counts."""
    if finding.outcome is Outcome.FAIL:
        return Standing.EXCUSED if finding.excused else Standing.NOT_YET_DUE if finding.not_yet_due else Standing.FAILS
    return Standing.UNSEEN if finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) else Standing.NOTHING


_ORDER = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
    Outcome.NOT_OBSERVABLE,
)


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Failures first, by severity; then what could not be seen; then the rest, in a stable order."""
    return tuple(
        sorted(
            findings,
            key=lambda each: (
                _ORDER.index(each.outcome),
                -each.severity.rank,
                each.requirement,
                each.subject,
                each.address or "",
            ),
        )
    )
