"""Compares the product with each corpus, and the disagreements with the explanations in ``corpora.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from tests.agreement.corpora import mail_domains, pages, policies, sites, spf_suite, ssh_audit

EXPLANATIONS = Path(__file__).with_name("corpora.yaml")


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact of one name, as the product and the corpus find it; ``allowed`` are what the corpus accepts."""

    name: str
    fact: str
    ours: object
    allowed: tuple[object, ...]

    @property
    def agrees(self) -> bool:
        """Whether the corpus accepts what the product finds."""
        return self.ours in self.allowed

    def __str__(self) -> str:
        expected = " or ".join(map(str, self.allowed))
        return f"{self.name}: {self.fact}: inspector finds {self.ours}, the corpus {expected}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the product and a corpus differ on facts of these names, and the text that decides.

    ``may_agree``: with other releases of the programs that were compared they do not differ.
    """

    corpus: str
    names: tuple[str, ...]
    facts: tuple[str, ...]
    reason: str
    source: str
    may_agree: bool = False

    @property
    def covers(self) -> frozenset[tuple[str, str]]:
        """The names with their facts."""
        return frozenset((name, fact) for name in self.names for fact in self.facts)


def _spf_suite() -> Iterator[Compared]:
    for test in spf_suite.suite():
        yield Compared(test.name, "result", spf_suite.result(test), test.allowed)


def _checkdmarc() -> Iterator[Compared]:
    yield from _mail(*mail_domains.compared())


def _checkdmarc_lab() -> Iterator[Compared]:
    yield from _mail(*mail_domains.lab_compared())


def _mail(ours: Mapping[str, mail_domains.Facts], theirs: Mapping[str, mail_domains.Facts]) -> Iterator[Compared]:
    for name, facts in ours.items():
        for fact, value in theirs[name].items():
            if facts.get(fact) is not None:
                yield Compared(name, fact, facts[fact], (value,))


def _ssh_audit_tables() -> Iterator[Compared]:
    for fact, name, ours, allowed in ssh_audit.tables():
        yield Compared(name, fact, ours, allowed)


def _ssh_audit_servers() -> Iterator[Compared]:
    for name, fact, ours, theirs in ssh_audit.servers():
        yield Compared(name, fact, ours, (theirs,))


def _csp_evaluator() -> Iterator[Compared]:
    for policy, fact, ours, theirs in policies.evaluator():
        yield Compared(policy, fact, ours, (theirs,))


def _observatory() -> Iterator[Compared]:
    for policy, fact, ours, theirs in policies.observatory():
        yield Compared(policy, fact, ours, (theirs,))


def _observatory_sites() -> Iterator[Compared]:
    for name, fact, ours, theirs in sites.observatory():
        yield Compared(name, fact, ours, (theirs,))


def _observatory_pages() -> Iterator[Compared]:
    for name, fact, ours, theirs in pages.observatory():
        yield Compared(name, fact, ours, (theirs,))


#: By name: what compares the product with a corpus; raises Missing.
CORPORA: Mapping[str, Callable[[], Iterator[Compared]]] = {
    "spf-suite": _spf_suite,
    "checkdmarc": _checkdmarc,
    "checkdmarc-lab": _checkdmarc_lab,
    "ssh-audit-tables": _ssh_audit_tables,
    "ssh-audit-servers": _ssh_audit_servers,
    "csp-evaluator": _csp_evaluator,
    "http-observatory": _observatory,
    "http-observatory-sites": _observatory_sites,
    "http-observatory-pages": _observatory_pages,
}


def explanations(path: Path = EXPLANATIONS) -> tuple[Explanation, ...]:
    """All that is explained."""
    return tuple(
        Explanation(
            entry["corpus"],
            tuple(entry["names"]),
            tuple(entry["facts"]),
            " ".join(entry["reason"].split()),
            entry["source"],
            entry.get("may_agree", False),
        )
        for entry in YAML(typ="safe").load(path.read_text("utf-8"))
    )


def faults(corpus: str, compared: Iterable[Compared], explained: Collection[Explanation]) -> list[str]:
    """The errors: disagreements without an explanation, and explanations without a disagreement."""
    known = {pair for each in explained if each.corpus == corpus for pair in each.covers}
    differing = {(each.name, each.fact): each for each in compared if not each.agrees}
    found = [f"not explained: {corpus}: {each}" for pair, each in differing.items() if pair not in known]
    needed = {pair for each in explained if each.corpus == corpus and not each.may_agree for pair in each.covers}
    unused = sorted(needed - differing.keys())
    return found + [f"explained, but no longer so: {corpus}: {name}: {fact}" for name, fact in unused]


def table(results: Mapping[str, Iterable[Compared]], explained: Iterable[Explanation]) -> str:
    """The numbers of agreements and the explained disagreements, as Markdown."""
    lines = ["| corpus | compared | agree |", "| --- | --- | --- |"]
    for corpus, compared in results.items():
        every = list(compared)
        lines.append(f"| {corpus} | {len(every)} | {sum(each.agrees for each in every)} |")
    lines += ["", "| corpus | fact | about | cause | source |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {each.corpus} | {', '.join(each.facts)} | {', '.join(each.names)} | {each.reason} | {each.source} |"
        for each in explained
        if each.corpus in results
    ]
    return "\n".join(lines)
