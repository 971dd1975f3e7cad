"""Which findings could not be decided for one common cause, so that a report tells the cause once.

A piece of evidence is *blind* when its scan gave no observation, or one in which no question was answered. The blind
evidence of one service at one address has a common cause where

- a failing check says so (``failed(...).explaining(cause)``: STARTTLS is not offered, the port refuses connections), or
- the cause is an event that ends the inspection (a rate limit of the server, the end of the window), or
- nothing at all was seen of the service, and the cause is one of the connection (refused, timeout, ...), or
- the scans give the same cause with the same detail, or one needed the observation of the other.

A finding follows from a common cause if that is the only reason why it was not decided. Where another cause takes part,
or something that was seen left the claim open, the finding stands on its own; an error of the tool always does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from inspector.assess.evidence_index import DigestedEvidence, family_of
from inspector.model.base import Cause
from inspector.model.finding import CommonCause, finding_id
from inspector.model.observation import Evidence
from inspector.model.subject import Subject, SubjectKind
from inspector.model.verdict import Outcome, Verdict
from inspector.plugin.check import NO_OBSERVATION, NOT_SEEN_EVERYWHERE
from inspector.plugin.probe import Probe

#: Causes that concern the whole service while nothing was seen of it, whatever was asked.
_OF_CONNECTION = frozenset(
    {
        Cause.NOT_REACHED,
        Cause.TIMEOUT,
        Cause.REFUSED,
        Cause.RESET,
        Cause.BLOCKED,
    }
)
#: Events that end the inspection of a service, whatever was seen of it before.
_EVENTS = frozenset({Cause.RATE_LIMITED, Cause.ABORTED, Cause.OUTSIDE_WINDOW})
#: Messages of verdicts that only a missing observation led to.
_MISSING = frozenset({NO_OBSERVATION.id, NOT_SEEN_EVERYWHERE.id})

#: A service at one address: scheme, host, port, address; other subjects have their URI alone.
_Service = tuple[str, str | None, int | None, str | None]
#: What the blind evidence of one cause has in common: service, cause, and what else must be equal.
_Group = tuple[_Service, Cause, tuple[str, ...]]


class Result(Protocol):
    """The part of a requirement's result that its cause depends on."""

    @property
    def subject(self) -> Subject: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def evidence(self) -> Mapping[str, Evidence]: ...
    @property
    def requirement_id(self) -> str: ...


def _service_of(subject: Subject) -> _Service:
    if subject.kind in (SubjectKind.URL, SubjectKind.ADDRESS):
        return subject.scheme, subject.host, subject.port, subject.address
    return subject.uri, None, None, None


def _generality(subject: Subject) -> tuple[bool, str]:
    """Sorts a service before its pages."""
    return subject.kind is SubjectKind.URL, subject.uri


def _answers(facts: object) -> Iterator[Mapping[str, Any]]:
    """Every ``Answer`` in the JSON form of an observation."""
    if isinstance(facts, Mapping):
        if facts.keys() == {"seen", "unseen"}:
            yield facts
        else:
            for each in facts.values():
                yield from _answers(each)
    elif isinstance(facts, list | tuple):
        for each in facts:
            yield from _answers(each)


def blind_cause(evidence: Evidence) -> Cause | None:
    """The cause for which a scan saw nothing; None when it saw something."""
    if evidence.facts is None:
        return evidence.failure.cause if evidence.failure else Cause.NOT_REACHED
    found: str | None = None
    for each in _answers(evidence.facts):
        if each["unseen"] is None or found not in (None, each["unseen"]):
            return None
        found = each["unseen"]
    return None if found is None else Cause(found)


def _detail(evidence: Evidence) -> str:
    if evidence.failure is not None:
        return evidence.failure.detail
    return next((gap.detail for gap in evidence.gaps), "")


@dataclass(slots=True)
class CommonCauses:
    """The common causes of one assessment, from its results and the evidence of the first scans."""

    probes: Mapping[str, Probe]
    _blind: dict[str, tuple[Evidence, Cause]] = field(default_factory=dict)
    _seen: set[_Service] = field(default_factory=set)
    _subjects: dict[_Service, Subject] = field(default_factory=dict)
    _explained: dict[tuple[_Service, Cause], str] = field(default_factory=dict)
    _groups: dict[str, _Group] = field(default_factory=dict)
    _causes: dict[_Group, CommonCause] = field(default_factory=dict)

    @classmethod
    def of(
        cls, results: Iterable[Result], evidence: Sequence[DigestedEvidence], probes: Mapping[str, Probe]
    ) -> CommonCauses:
        """The causes behind these results, of which an earlier failure is preferred as the cause."""
        made = cls(probes)
        for digest, each in evidence:
            if each.scan == 1:
                made._add(digest, each)
        for result in results:
            cause = result.verdict.explains
            if result.verdict.outcome is Outcome.FAIL and cause is not None:
                key = (_service_of(result.subject), cause)
                made._explained.setdefault(key, finding_id(result.requirement_id, result.subject.uri))
        made._group()
        return made

    def _add(self, digest: str, evidence: Evidence) -> None:
        service, cause = _service_of(evidence.subject), blind_cause(evidence)
        self._subjects[service] = min(self._subjects.get(service, evidence.subject), evidence.subject, key=_generality)
        if cause is None:
            self._seen.add(service)
        else:
            self._blind[digest] = (evidence, cause)

    def _group(self) -> None:
        members: dict[_Group, list[Evidence]] = {}
        for digest, (evidence, cause) in self._blind.items():
            group = self._group_of(evidence, cause)
            self._groups[digest] = group
            members.setdefault(group, []).append(evidence)
        for group, found in members.items():
            first = min((each.subject for each in found), key=_generality)
            subject = self._subjects[group[0]] if not group[2] else first
            self._causes[group] = self._cause(subject, group[1], tuple(sorted({each.probe for each in found})))

    def _cause(self, subject: Subject, cause: Cause, probes: tuple[str, ...] = ()) -> CommonCause:
        failure = self._explained.get((_service_of(subject), cause))
        return CommonCause(subject=subject.uri, address=subject.address, cause=cause, probes=probes, finding=failure)

    def _group_of(self, evidence: Evidence, cause: Cause) -> _Group:
        service = _service_of(evidence.subject)
        if self._is_common(service, cause) or (cause in _OF_CONNECTION and service not in self._seen):
            return service, cause, ()
        needed = self._needed(evidence, cause)
        if needed is not None:
            return self._group_of(needed, cause)
        return service, cause, (evidence.subject.uri, _detail(evidence) or evidence.probe)

    def _is_common(self, service: _Service, cause: Cause) -> bool:
        """Whether the cause concerns all that is asked of the service, whatever was seen of it."""
        return cause in _EVENTS or (service, cause) in self._explained

    def _needed(self, evidence: Evidence, cause: Cause) -> Evidence | None:
        """The blind evidence of the first observation that this scan needed, with the same cause."""
        probe = self.probes.get(evidence.probe)
        families = {family_of(kind.kind) for _, kind in probe.needs} if probe else set()
        found = (
            other
            for other, why in self._blind.values()
            if why is cause and family_of(other.kind) in families and evidence.subject.shares_service(other.subject)
        )
        return min(found, key=lambda other: (other.subject.key, other.probe), default=None)

    def behind(self, result: Result) -> CommonCause | None:
        """The common cause that a result follows from; None when it stands on its own."""
        verdict = result.verdict
        if verdict.outcome is not Outcome.INCONCLUSIVE or verdict.cause is None:
            return None
        firsts = [digest for digest, each in result.evidence.items() if each.scan == 1]
        groups = {self._groups[digest] for digest in firsts if digest in self._groups}
        if len(groups) == 1 and self._decides(verdict, firsts):
            (group,) = groups
            if group[1] is verdict.cause:
                return self._causes[group]
        shared: _Group = (_service_of(result.subject), verdict.cause, ())
        return self._behind_answers(shared) if groups <= {shared} else None

    def _decides(self, verdict: Verdict, firsts: Sequence[str]) -> bool:
        """Whether the blind evidence alone led to this verdict."""
        return verdict.message.id in _MISSING or all(digest in self._groups for digest in firsts)

    def _behind_answers(self, group: _Group) -> CommonCause | None:
        """The common cause of an answer that was not seen, although its scan saw something."""
        service, cause, _ = group
        if not self._is_common(service, cause) or service not in self._subjects:
            return None
        return self._causes.get(group) or self._cause(self._subjects[service], cause)
