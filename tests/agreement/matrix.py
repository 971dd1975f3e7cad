"""The matrix of agreement, as Markdown: which sources agree about what, and which have no result and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.agreement.comparison import INSPECTOR, Examination, Explanation
from tests.agreement.facts import VERSIONS


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def matrix(examinations: Sequence[Examination], sources: Sequence[str], explained: Sequence[Explanation]) -> str:
    """All of it."""
    rows = [
        [each.server, str(len(each.expected)), *(_cell(each, source) for source in sources)] for each in examinations
    ]
    parts = [
        "### Servers",
        "",
        "Facts expected, and for each source on how many facts it agrees; after a minus, on how many it does not.",
        "",
        *_table(["server", "expected", *sources], rows),
        "",
        "### Facts",
        "",
        *_table(["fact", *sources], _by_fact(examinations, sources)),
        "",
        "### Disagreements and their causes",
        "",
        *_causes(examinations, explained),
        "",
        "### Without result",
        "",
        *_without_result(examinations, sources),
    ]
    return "\n".join(parts) + "\n"


def _cell(examination: Examination, source: str) -> str:
    if source in examination.without_result:
        return "no result"
    if source not in examination.reported:
        return "not asked"
    differing = len(examination.differing(source))
    return f"{len(examination.agreeing(source))}{f' −{differing}' if differing else ''}"


def _kind(fact: str) -> str:
    return "versions" if fact in VERSIONS else fact.split(" ", maxsplit=1)[0]


def _by_fact(examinations: Iterable[Examination], sources: Sequence[str]) -> list[list[str]]:
    good: Counter[tuple[str, str]] = Counter()
    bad: Counter[tuple[str, str]] = Counter()
    for each in examinations:
        for source in sources:
            good.update((_kind(fact), source) for fact in each.agreeing(source))
            bad.update((_kind(fact), source) for fact in each.differing(source))
    kinds = list(dict.fromkeys(kind for kind, _source in (*good, *bad)))
    return [[kind, *(_sum(good[kind, each], bad[kind, each]) for each in sources)] for kind in kinds]


def _sum(good: int, bad: int) -> str:
    return "" if not good + bad else f"{good}{f' −{bad}' if bad else ''}"


def _causes(examinations: Iterable[Examination], explained: Iterable[Explanation]) -> list[str]:
    seen = {each for examination in examinations for each in examination.disagreements}
    rows = [
        [entry.tool, ", ".join(entry.facts), ", ".join(entry.servers), entry.reason, entry.decided_by]
        for entry in explained
        if seen & set(entry.disagreements)
    ]
    return _table(["tool", "fact", "server", "cause", "decided by"], rows) if rows else ["None."]


def _without_result(examinations: Iterable[Examination], sources: Sequence[str]) -> list[str]:
    why: dict[tuple[str, str], list[str]] = {}
    for each in examinations:
        for source, reason in each.without_result.items():
            if source in sources and source != INSPECTOR:
                words = " ".join(reason.replace("|", "/").split())
                for own in (f"{word}" for word in words.split() if word.startswith("127.")):
                    words = words.replace(own, "…")
                why.setdefault((source, words[:140]), []).append(each.server)
    rows = [[source, words, ", ".join(servers)] for (source, words), servers in sorted(why.items())]
    return _table(["tool", "says nothing, since", "server"], rows) if rows else ["None."]
