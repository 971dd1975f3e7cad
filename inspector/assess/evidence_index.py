"""The evidence of one inspection, found by subject and kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import ValidationError

from inspector.model.base import Cause
from inspector.model.observation import Evidence, Observation
from inspector.model.subject import Subject
from inspector.plugin.check import SubjectResult
from inspector.plugin.containment import contained
from inspector.plugin.probe import PARTS

#: A piece of evidence and its digest.
DigestedEvidence = tuple[str, Evidence]


_Key = tuple[str, str, str]
#: The parts of an observation that a check depends on; None: all.
Needs = tuple[str, ...] | None


@lru_cache(maxsize=1024)
def family_of(kind: str) -> str:
    """The name of a kind of observation without its version."""
    return kind.partition("/")[0]


@dataclass(slots=True)
class EvidenceIndex:
    """Evidence by kind of observation, subject and scan."""

    evidence: Sequence[DigestedEvidence]
    by_family: dict[str, list[DigestedEvidence]] = field(default_factory=dict)
    rescanned: set[str] = field(default_factory=set)
    _chosen: dict[tuple[str, int, Needs], dict[_Key, DigestedEvidence]] = field(default_factory=dict)
    _read: dict[tuple[str, int], SubjectResult[Observation]] = field(default_factory=dict)
    _digests: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in sorted(self.evidence, key=lambda one: (one[1].subject.key, one[1].scan)):
            self.by_family.setdefault(family_of(each[1].kind), []).append(each)
            if each[1].scan == 2:
                self.rescanned.add(family_of(each[1].kind))

    def digests(self, family: str) -> tuple[str, ...]:
        """The digests of all evidence of a family of observations."""
        if family not in self._digests:
            self._digests[family] = tuple(digest for digest, _ in self.by_family.get(family, ()))
        return self._digests[family]

    def subjects(self) -> Iterator[Subject]:
        """Every subject that was to be scanned."""
        for _, each in self.evidence:
            yield each.subject

    def by_subject(self, kind: type[Observation], scan: int, needs: Needs = None) -> Mapping[_Key, DigestedEvidence]:
        """The evidence of one kind, one piece per subject: of this scan, or of the first if there is no other.

        A confirmation scan counts only for what it asked: where it left out a part that is needed, the first counts.
        """
        key = (family_of(kind.kind), scan, needs)
        if key not in self._chosen:
            filed = self.by_family.get(key[0], ())
            self._chosen[key] = {
                each[1].subject.key: each
                for each in filed
                if each[1].scan == 1 or (each[1].scan <= scan and has_asked(each[1], needs))
            }
        return self._chosen[key]

    def of(self, kind: type[Observation], scan: int, needs: Needs = None) -> Iterable[DigestedEvidence]:
        """The evidence of one kind, without the subjects' keys."""
        return self.by_subject(kind, scan, needs).values()

    def seen(self, kind: type[Observation], filed: DigestedEvidence, needs: Needs = None) -> SubjectResult[Observation]:
        """The observation in a piece of evidence, validated once for all checks; not selected where a part is not."""
        if filed[1].facts is not None and not has_asked(filed[1], needs):
            return SubjectResult(filed[1].subject, None, Cause.NOT_SELECTED)
        key = (kind.kind, id(filed[1]))  # the index keeps it alive
        if key not in self._read:
            self._read[key] = result_of(kind, filed)
        return self._read[key]


def has_asked(evidence: Evidence, needs: Needs) -> bool:
    """Whether the scan asked for all parts of its observation that are needed."""
    asked = evidence.options.get(PARTS)
    return asked is None or (needs is not None and set(needs) <= set(asked))


def result_of(kind: type[Observation], filed: DigestedEvidence) -> SubjectResult[Observation]:
    """The observation in a piece of evidence; another version of its kind is ambiguous."""
    _, evidence = filed
    if evidence.facts is None:
        return SubjectResult(evidence.subject, None, evidence.failure.cause if evidence.failure else Cause.NOT_REACHED)
    if evidence.kind != kind.kind:
        return SubjectResult(evidence.subject, None, Cause.AMBIGUOUS)
    try:
        with contained():
            return SubjectResult(evidence.subject, kind.model_validate(evidence.facts))
    except ValidationError:
        return SubjectResult(evidence.subject, None, Cause.AMBIGUOUS)
    except Exception:  # noqa: BLE001  (a validator is the plugin's code)
        return SubjectResult(evidence.subject, None, Cause.BUG)
