"""The view that every renderer shares: one judgement with everything around it, sorted and counted once."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from inspector.declare.document import Place
from inspector.model.base import Answer, Cause, Model, canonical
from inspector.model.declared import DeclaredPort, Tenancy
from inspector.model.escaping import harmless
from inspector.model.finding import Finding, Force
from inspector.model.observation import Evidence, Observation
from inspector.model.subject import BadUri, Form, Uri, parse_uri
from inspector.model.verdict import Outcome
from inspector.network.pacing.ledger import SWEEP
from inspector.record.assessment import Judgement
from inspector.record.inspection import Inspection, LedgerEntry
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, Requirement
from inspector.registry.registry import Registry
from inspector.report.messages import Texts
from inspector.report.renderer import Language
from inspector.seal import Bundle


class LedgerTotal(Model):
    """What left this machine towards one address for one probe."""

    address: str
    probe: str
    authorisation: str | None
    connections: int
    questions: int
    sent: int
    received: int


class LedgerTotals(Model):
    """Totals of the ledger: targets, and infrastructure apart."""

    targets: tuple[LedgerTotal, ...] = ()
    infrastructure: tuple[LedgerTotal, ...] = ()


class PortSeen(Model):
    """One port, declared or seen open: ``state`` as observed, or the cause for which nobody saw it."""

    port: str
    service: str | None = None
    declared: bool
    state: str | None = None
    cause: Cause | None = None

    @property
    def differs(self) -> bool:
        """Whether what was seen is not what was declared; what nobody saw differs from nothing."""
        return self.state is not None and self.declared != (self.state == "open")


class Comparison(Model):
    """The declared ports of one host against what was seen at one of its addresses."""

    host: str
    address: str
    tenancy: Tenancy
    ports: tuple[PortSeen, ...]


class EndpointSeen(Model):
    """What became of the looks at one declared endpoint: how many there were, how many saw, why the others did not."""

    uri: str
    addresses: tuple[str, ...]
    looks: int
    seen: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One judgement as renderers see it.

    ``regime`` is the one judged under (None when neither the capture nor an installed plugin has that version);
    ``evidence`` goes by digest; ``head`` is the digest that the signature covers; ``folder`` is where the judgement was
    written, once it was.
    """

    inspection: Inspection
    judgement: Judgement
    registry: Registry
    regime: Regime | None
    evidence: Mapping[str, Evidence]
    ledger: LedgerTotals
    head: str
    signers: tuple[str, ...] = ()
    folder: Path | None = None
    texts_of: dict[Language, Texts] = field(default_factory=dict)

    def texts(self, language: Language) -> Texts:
        """Words in one language."""
        return self.texts_of.setdefault(language, Texts(self.registry, language))

    def requirement(self, finding: Finding) -> Requirement | None:
        """The row that a finding judges; None when a judgement from elsewhere leaves it out."""
        return next((each for each in self.judgement.requirements if each.id == finding.requirement), None)

    def title(self, finding: Finding, language: Language) -> str:
        """The row's own title, or its check's claim."""
        return self._title(self.requirement(finding), finding.check, language) or harmless(finding.requirement)

    def heading(self, requirement: str, language: Language) -> str:
        """The title of a row of the regime judged under, or of the next one; its id when neither has it."""
        following = self.inspection.next_regime.requirements if self.inspection.next_regime else ()
        known = (*self.judgement.requirements, *(self.regime.requirements if self.regime else ()), *following)
        row = next((each for each in known if each.id == requirement), None)
        return (self._title(row, row.check, language) if row else "") or harmless(requirement)

    def _title(self, row: Requirement | None, check: str, language: Language) -> str:
        if row is not None and row.title is not None:
            return harmless(row.title.vi if language is Language.VI else row.title.en)
        return self.texts(language).check(check, "title")

    @property
    def binding(self) -> tuple[Finding, ...]:
        """Part A: what law, regulation or a clause demands."""
        return _ranked(each for each in self.judgement.findings if each.force in (Force.BINDING, Force.CLAUSE_EVIDENCE))

    @property
    def recommended(self) -> tuple[Finding, ...]:
        """Part B: what international baselines recommend."""
        return _ranked(each for each in self.judgement.findings if each.force in (Force.BASELINE, Force.INFO))

    def counts(self, findings: Iterable[Finding] | None = None) -> dict[Outcome, int]:
        """How many findings have each outcome; every outcome is there."""
        counted = Counter(each.outcome for each in (self.judgement.findings if findings is None else findings))
        return {outcome: counted[outcome] for outcome in Outcome}

    def place(self, finding: Finding) -> Place | None:
        """Where the declaration names what a finding is about: its endpoint, else the first line of the file.

        None when nothing was declared in a file.
        """
        places = self.inspection.endpoint_places
        for uri in (finding.endpoint, finding.subject):
            if uri in places:
                return places[uri]
        source = next((each.source for each in places.values()), None)
        return Place(source=source, line=1, column=1) if source is not None else None

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        """What became of the looks at every declared endpoint."""
        looks = _Looks(each for each in self.evidence.values() if each.look == 1)
        return tuple(_endpoint(uri, looks.at(uri, self._uri(uri))) for uri in self.inspection.system.endpoints)

    def _uri(self, text: str) -> Uri | None:
        try:
            return parse_uri(text, self.registry.schemes)
        except BadUri:
            return None

    def comparisons(self) -> tuple[Comparison, ...]:
        """Declared against seen, at every address whose ports were asked."""
        found = [
            self._comparison(each, kind)
            for each in self.evidence.values()
            if each.look == 1 and (kind := self.registry.kinds.get(each.kind)) is not None and _tells_ports(kind)
        ]
        return tuple(sorted(found, key=lambda each: (each.host, each.address)))

    def _comparison(self, evidence: Evidence, kind: type[Observation]) -> Comparison:
        host = evidence.subject.host or ""
        declared = self.inspection.system.declared(host)
        ports = {str(port): port for port in (*self._endpoint_ports(host), *declared.ports)}
        seen: Any = _observation(evidence, kind)
        for number in seen.open if seen is not None else ():
            ports.setdefault(f"{number}/tcp", DeclaredPort(port=number))
        named = {*(str(port) for port in self._endpoint_ports(host)), *(str(port) for port in declared.ports)}
        lost = evidence.trouble.cause if evidence.trouble else Cause.NOT_REACHED
        rows = []
        for name, port in sorted(ports.items(), key=lambda item: (item[1].protocol, item[1].port)):
            answer = Answer[Any](unseen=lost)
            if port.protocol != "tcp":
                answer = Answer[Any](unseen=Cause.NOT_SELECTED)
            elif seen is not None:
                answer = seen.state(port.port)
            rows.append(
                PortSeen(
                    port=name,
                    service=port.service,
                    declared=name in named,
                    state=str(answer.seen) if answer.is_seen else None,
                    cause=answer.unseen,
                )
            )
        address = evidence.subject.address or ""
        return Comparison(host=host, address=address, tenancy=declared.tenancy, ports=tuple(rows))

    def _endpoint_ports(self, host: str) -> Iterator[DeclaredPort]:
        for text in self.inspection.system.endpoints:
            uri = self._uri(text)
            if uri is not None and uri.host == host and uri.port is not None and uri.scheme.form is not Form.NAME:
                yield DeclaredPort(port=uri.port, protocol="udp" if uri.scheme.name == "udp" else "tcp")


class _Looks:
    """Looks, found by the endpoint they were asked for, and by their service: several endpoints may share one look."""

    def __init__(self, looks: Iterable[Evidence]) -> None:
        self._by_endpoint: dict[str, list[Evidence]] = defaultdict(list)
        self._by_service: dict[tuple[str | None, int | None, str], list[Evidence]] = defaultdict(list)
        for each in looks:
            self._by_endpoint[each.endpoint or ""].append(each)
            self._by_service[each.subject.host, each.subject.port, each.subject.scheme].append(each)

    def at(self, text: str, uri: Uri | None) -> list[Evidence]:
        """The looks asked for this endpoint, and those at its service though asked for another."""
        asked = self._by_endpoint.get(text, [])
        if uri is None:
            return asked
        there = self._by_service.get((uri.host, uri.port, uri.scheme.name), [])
        return [*asked, *(each for each in there if each.endpoint != text)]


def _endpoint(uri: str, looks: list[Evidence]) -> EndpointSeen:
    missed = [each for each in looks if each.facts is None]
    return EndpointSeen(
        uri=uri,
        addresses=tuple(sorted({each.subject.address for each in looks if each.subject.address})),
        looks=len(looks),
        seen=len(looks) - len(missed),
        causes=tuple(sorted({each.trouble.cause if each.trouble else Cause.NOT_REACHED for each in missed})),
    )


def _tells_ports(kind: type[Observation]) -> bool:
    """Whether an observation tells, as ``open`` and ``state(port)``, how TCP ports answer."""
    return isinstance(getattr(kind, "open", None), property) and callable(getattr(kind, "state", None))


def _observation(evidence: Evidence, kind: type[Observation]) -> Observation | None:
    try:
        return None if evidence.facts is None else kind.model_validate(evidence.facts)
    except ValidationError:
        return None


_ORDER = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
    Outcome.NOT_OBSERVABLE,
)


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Failures first, the gravest first; then what could not be seen; then the rest, in a stable order."""
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


def _totals(entries: Iterable[LedgerEntry]) -> LedgerTotals:
    """Sums over the lines of a ledger: a connection's ending asks no question."""
    sums: dict[tuple[bool, str, str, str], list[int]] = {}
    for entry in entries:
        row = sums.setdefault(
            (entry.infrastructure, entry.address, entry.probe, entry.authorisation or ""), [0, 0, 0, 0]
        )
        begins = entry.questions > 0 and entry.protocol != SWEEP
        for index, number in enumerate((begins, entry.questions, entry.sent, entry.received)):
            row[index] += number
    rows = {
        key: LedgerTotal(
            address=key[1],
            probe=key[2],
            authorisation=key[3] or None,
            connections=row[0],
            questions=row[1],
            sent=row[2],
            received=row[3],
        )
        for key, row in sorted(sums.items())
    }
    return LedgerTotals(
        targets=tuple(row for key, row in rows.items() if not key[0]),
        infrastructure=tuple(row for key, row in rows.items() if key[0]),
    )


def view(bundle: Bundle, judgement: Judgement, registry: Registry) -> View:
    """The view of one judgement of a sealed bundle."""
    return View(
        inspection=bundle.inspection,
        judgement=judgement,
        registry=registry,
        regime=_regime(bundle.inspection, judgement, registry),
        evidence=dict(bundle.evidence()),
        ledger=_totals(bundle.ledger_lines()),
        head=bundle.digest,
        signers=tuple(bundle.signers),
    )


def _regime(inspection: Inspection, judgement: Judgement, registry: Registry) -> Regime | None:
    wanted = (judgement.regime, judgement.regime_version)
    captured = [each for each in (inspection.regime, inspection.next_regime) if each is not None]
    for regime in captured:
        if (regime.id, regime.version) == wanted:
            return regime
    return next((each for each in load_all(registry.profiles) if (each.id, each.version) == wanted), None)


def render(views: Iterable[View], formats: Iterable[str], registry: Registry) -> dict[str, bytes]:
    """Report files by name, in every language where the format is told in words.

    A joining format gives one file for all views; any other one for each, named by its system where there are several.
    """
    together = tuple(views)
    files: dict[str, bytes] = {}
    for name in formats:
        renderer = registry.renderers[name]
        for language in Language if renderer.localised else (Language.EN,):
            file = renderer.file(language)
            if renderer.joins:
                files[file] = renderer.render(together, language)
            else:
                for each in together:
                    prefix = f"{each.inspection.system.id}." if len(together) > 1 else ""
                    files[f"{prefix}{file}"] = renderer.render((each,), language)
    return files


# --- findings.json --------------------------------------------------------------------------------------------------

_FINDINGS = TypeAdapter(tuple[Finding, ...])
#: Control and format characters that JSON leaves as they are: C1, soft hyphen, bidirectional and zero-width, tags.
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)

#: How UTF-8 begins U+E0000 to U+E0FFF, the only ones of these that Python calls printable.
_SUPPLEMENT = b"\xf3\xa0"


def findings_json(views: Iterable[View]) -> bytes:
    """The findings of some systems, one after the other, as ``findings.json`` in a bundle has those of one.

    The bytes are canonical, but for invisible characters, which are escaped lest a terminal obey them.
    """
    data = canonical([each.model_dump(mode="json") for view in views for each in view.judgement.findings])
    told = data.decode()
    if told.isprintable() and _SUPPLEMENT not in data:
        return data
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], told).encode()


def findings_schema() -> dict[str, Any]:
    """The JSON Schema of ``findings.json``."""
    told = _FINDINGS.json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:level-inspector:findings:1",
        "title": "Findings",
        **told,
    }
