"""Compares the results of sources about servers, and disagreements with the explanations in ``agreement.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from tests.agreement import fact_names as names
from tests.agreement import ours
from tests.agreement.environment import ServerPlaces
from tests.agreement.expected import Server, release_of
from tests.agreement.facts import Facts, agree, difference
from tests.agreement.tools import TOOLS
from tests.agreement.tools.questions import Asked, NoResult, Tool

#: The product among the sources.
INSPECTOR = "inspector"
#: The fact that an inspection disagrees about which says nothing at all.
EVERYTHING = "everything"
EXPLANATIONS = Path(__file__).with_name("agreement.yaml")
SOURCES: dict[str, Tool] = {INSPECTOR: ours.facts, **TOOLS}


# --- Results ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examination:
    """The results of every source about one server, and why some have none."""

    server: str
    expected: Facts
    reported: Mapping[str, Facts]
    without_result: Mapping[str, str]

    def asks(self, source: str) -> bool:
        """Whether the source was run."""
        return source in self.reported or source in self.without_result

    def reference(self, fact: str) -> tuple[str, object] | None:
        """What a fact is compared with: the expected value, else that of the inspection."""
        if fact in self.expected:
            return "expected", self.expected[fact]
        own = self.reported.get(INSPECTOR, {})
        return (INSPECTOR, own[fact]) if fact in own else None

    def agreeing(self, source: str) -> list[str]:
        """The facts on which a source agrees with the reference."""
        return [fact for fact, verdict in self._compared(source) if verdict]

    def differing(self, source: str) -> list[str]:
        """The facts on which it does not."""
        return [fact for fact, verdict in self._compared(source) if not verdict]

    def _compared(self, source: str) -> Iterator[tuple[str, bool]]:
        for fact, value in self.reported.get(source, {}).items():
            reference = self.reference(fact)
            if reference is not None and reference[0] != source:
                yield fact, agree(value, reference[1])  # type: ignore[arg-type]

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Every fact on which a source does not agree; the inspection may not be without result, either."""
        return tuple(self._disagreements())

    def _disagreements(self) -> Iterator[Disagreement]:
        if INSPECTOR in self.without_result:
            yield Disagreement(self.server, EVERYTHING, INSPECTOR, f"no result: {self.without_result[INSPECTOR]}")
        for source in self.reported:
            for fact in self.differing(source):
                reference = self.reference(fact)
                assert reference is not None
                result = difference(self.reported[source][fact], reference[1], names.suite_names())  # type: ignore[arg-type]
                yield Disagreement(self.server, fact, source, f"{result} ({reference[0]})")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One fact of one server on which one source does not agree, and how."""

    server: str
    fact: str
    tool: str
    result: str = field(compare=False)

    def __str__(self) -> str:
        """In one line."""
        return f"{self.server}: {self.tool} about {self.fact}: {self.result}"


def examine(server: Server, server_places: ServerPlaces, sources: Iterable[str]) -> Examination:
    """Start a server and hear every source about it, one after another; raises Missing."""
    place = server_places.place(server.name)
    expected = server.expected.facts(place.keys)
    reported: dict[str, Facts] = {}
    without_result: dict[str, str] = {}
    with server.start(place) as port:
        asked = Asked(place.address, port, server.protocol, place.folder)
        for source in sources:
            try:
                reported[source] = SOURCES[source](asked)
            except NoResult as why:
                without_result[source] = str(why)
    return Examination(server.name, expected, reported, without_result)


# --- What is explained -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a tool disagrees about facts of servers, and the output of a third tool that decides."""

    servers: tuple[str, ...]
    facts: tuple[str, ...]
    tool: str
    reason: str
    decided_by: str
    output: str

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """What it explains."""
        return tuple(Disagreement(server, fact, self.tool, "") for server in self.servers for fact in self.facts)


def explanations(path: Path = EXPLANATIONS) -> tuple[Explanation, ...]:
    """All that is explained; what holds only for a ``release`` of a program, where that is installed."""
    entries = YAML(typ="safe").load(path.read_text()) or []
    return tuple(
        Explanation(
            _listed(entry["server"]),
            _listed(entry["fact"]),
            entry["tool"],
            " ".join(entry["reason"].split()),
            entry["decided_by"],
            entry["output"],
        )
        for entry in entries
        if _is_installed(entry.get("release", ""))
    )


def _is_installed(release: str) -> bool:
    """Whether a release of a program, as ``dovecot 2.3``, is the installed one; an empty text is any."""
    if not release:
        return True
    program, _, number = release.partition(" ")
    return release_of(program, "--version") == tuple(map(int, number.split(".")))


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def faults(examination: Examination, explained: Iterable[Explanation]) -> list[str]:
    """The errors: unexplained disagreements, unused explanations, deciding tools that do not decide."""
    found = []
    known: dict[Disagreement, Explanation] = {each: entry for entry in explained for each in entry.disagreements}
    differing = set(examination.disagreements)
    for each in examination.disagreements:
        if each not in known:
            found.append(f"not explained: {each}")
        else:
            found += _undecided(each, known[each], examination)
    for each in known:
        spoke = each.fact in examination.reported.get(each.tool, {}) or (
            each.tool == INSPECTOR and examination.asks(INSPECTOR)
        )
        if each.server == examination.server and spoke and each not in differing:
            found.append(f"explained, but no longer so: {each.server}: {each.tool} about {each.fact}")
    return found


def _undecided(each: Disagreement, entry: Explanation, examination: Examination) -> Iterator[str]:
    """Whether the third tool, if it was run, agrees with the tool that it decides against."""
    value = examination.reported.get(entry.decided_by, {}).get(each.fact)
    reference = examination.reference(each.fact)
    if value is not None and reference is not None and not agree(value, reference[1]):  # type: ignore[arg-type]
        yield f"{entry.decided_by} does not decide against {each.tool}: {each.server} about {each.fact}"
