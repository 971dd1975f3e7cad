"""The regimes that ship with the product obey the rules for every regime."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from inspector.declare.declaration import System
from inspector.model.errors import UsageError
from inspector.model.finding import Force, Obligation
from inspector.regime.loader import load_all
from inspector.regime.regime import LEGAL, NOT_OBSERVABLE, BilingualText, Regime, Requirement
from inspector.regime.selection import regime_for
from inspector.registry.registry import Registry, installed
from inspector_profiles import inspector_profiles

REGIMES = load_all(inspector_profiles())
each_regime = pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.id)

FORCES = list(Force)[::-1]
OBLIGATIONS = [Obligation.SHOULD, Obligation.MUST]
#: Options with named values, from lax to strict. Of numbers the larger is stricter, except for upper bounds.
NAMED_VALUES = {
    "oldest": ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
    "policy": ["quarantine", "reject"],
}
UPPER_BOUNDS = {"longest_hours"}
#: Options that select what is assessed, not how strictly.
NEUTRAL = {"level", "signs"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return installed()


def rows_by_id(regime: Regime) -> dict[str, dict[int, Requirement]]:
    """Rows by id and level."""
    found: dict[str, dict[int, Requirement]] = defaultdict(dict)
    for row in regime.requirements:
        found[row.id] |= dict.fromkeys(row.levels, row)
    return found


def texts(regime: Regime) -> Iterator[tuple[str, BilingualText]]:
    yield "title", regime.title
    yield "authority", regime.authority
    yield "term", regime.term
    yield from regime.documents.items()
    for clause in regime.clauses:
        yield clause.id, clause.title
    for overlay in regime.overlays:
        yield overlay.id, overlay.title
        if overlay.note:
            yield overlay.id, overlay.note
    for row in regime.requirements:
        for text in (row.title, row.laxer_because):
            if text:
                yield row.id, text
    for noted in (*regime.transitions, *regime.gaps):
        yield str(noted), noted.note


def test_what_every_regime_recommends_is_written_once() -> None:
    """A recommendation that is equal in all regimes, but for the clauses cited, is a row of the baseline."""
    own = [
        rows_by_id(regime) for regime in load_all([each for each in inspector_profiles() if each.name != "baseline"])
    ]
    shared = set.intersection(*(set(rows) for rows in own))
    assert len(own) == len(REGIMES)
    assert [id_ for id_ in sorted(shared) if _is_one_recommendation([rows[id_] for rows in own])] == []


def _is_one_recommendation(rows: list[dict[int, Requirement]]) -> bool:
    """Whether the rows only recommend, and are equal but for the clauses; those of an overlay belong to its regime."""
    first, *others = [
        {level: row.model_copy(update={"clauses": (), "levels": ()}) for level, row in by_level.items()}
        for by_level in rows
    ]
    return all(first == each for each in others) and not any(
        row.force in LEGAL or row.overlay is not None for row in first.values()
    )


@each_regime
def test_every_row_names_a_check_that_exists(regime: Regime, registry: Registry) -> None:
    """A row names a check that a plugin contributes, or is not-observable."""
    asked = {row.check for row in regime.requirements}
    assert asked - set(registry.checks) <= {NOT_OBSERVABLE}


@each_regime
def test_every_check_has_a_row(regime: Regime, registry: Registry) -> None:
    """Every check of the built-in plugins has a row in every regime."""
    built_in = {plugin.package for plugin in registry.plugins if plugin.distribution == "level-inspector"}
    checks = {id_ for id_ in registry.checks if registry.package_of(id_) in built_in}
    assert checks - {row.check for row in regime.requirements} == set()


@each_regime
def test_options_fit_the_signature(regime: Regime, registry: Registry) -> None:
    """The options of every row are valid for its check."""
    for row in regime.requirements:
        if row.check != NOT_OBSERVABLE:
            registry.checks[row.check].validate(row.options)
        else:
            assert not row.options, row.id


@each_regime
def test_scan_options_name_probes(regime: Regime, registry: Registry) -> None:
    """Scan options are for probes that exist."""
    assert {probe for row in regime.requirements for probe in row.scan} <= set(registry.probes)


@each_regime
def test_must_rests_on_law(regime: Regime) -> None:
    """A row is must only with force binding or clause-evidence, and some cited clause allows that force."""
    for row in regime.requirements:
        if row.obligation is Obligation.MUST:
            assert row.force in LEGAL, row.id
        for level in row.levels:
            cited = [regime.clause(id_) for id_ in row.clauses]
            forces = [FORCES.index(clause.force) for clause in cited if level in clause.levels]
            if row.force in LEGAL:
                assert max(forces, default=-1) >= FORCES.index(row.force), (row.id, level)
            assert forces or row.source, (row.id, level)


@each_regime
def test_one_row_per_check_and_level(regime: Regime) -> None:
    """Apart from overlays, the rows of one check are for disjoint levels."""
    for level in range(1, 6):
        asked = [
            row.check
            for row in regime.requirements
            if level in row.levels and row.overlay is None and row.check != NOT_OBSERVABLE
        ]
        assert len(asked) == len(set(asked)), level


def _strictness(row: Requirement) -> dict[str, int]:
    strict = {
        "force": FORCES.index(row.force),
        "obligation": OBLIGATIONS.index(row.obligation),
        "severity": row.severity.rank,
    }
    for name, value in row.options.items():
        if name not in NEUTRAL:
            strict[name] = _rank(name, value)
    return strict


def _rank(name: str, value: Any) -> int:
    if name in NAMED_VALUES:
        return NAMED_VALUES[name].index(value)
    assert isinstance(value, int), f"say which {name} is stricter"
    return -value if name in UPPER_BOUNDS else value


@each_regime
def test_a_higher_level_is_never_laxer(regime: Regime) -> None:
    """A requirement applies at the next level too and is not weaker there, unless the row gives the reason."""
    for id_, by_level in rows_by_id(regime).items():
        for level in range(min(by_level), 5):
            row, above = by_level.get(level), by_level.get(level + 1)
            if row is None or (row.laxer_because if above is None else above.laxer_because):
                continue
            assert above is not None or _ends_with_its_clauses(regime, row, level), f"{id_} ends at level {level}"
            if above is None:
                continue
            lower, higher = _strictness(row), _strictness(above)
            assert lower.keys() == higher.keys(), id_
            assert all(higher[name] >= lower[name] for name in lower), f"{id_} is laxer at level {level + 1}"


def _ends_with_its_clauses(regime: Regime, row: Requirement, level: int) -> bool:
    """A row of an overlay may end where the row that it replaces is as strict."""
    own = rows_by_id(regime).get(row.replaces or "", {}).get(level + 1)
    return own is not None and FORCES.index(own.force) >= FORCES.index(row.force)


@each_regime
def test_replaced_rows_have_the_same_check(regime: Regime) -> None:
    """A row replaces one of the same check that is at most as strong, at every level of both."""
    known = rows_by_id(regime)
    for row in regime.requirements:
        if row.replaces is None:
            continue
        assert row.replaces in known, row.id
        for level in row.levels:
            weaker = known[row.replaces].get(level)
            if weaker is not None:
                assert weaker.check == row.check, row.id
                assert FORCES.index(weaker.force) <= FORCES.index(row.force), (row.id, level)


@each_regime
def test_every_clause_has_a_source(regime: Regime) -> None:
    """Every clause has a source and a confidence, its document is described, and some row cites it."""
    cited = {id_ for row in regime.requirements for id_ in row.clauses}
    for clause in regime.clauses:
        assert clause.source, clause.id
        assert clause.confidence in ("H", "M", "L"), clause.id
        assert clause.document in regime.documents, clause.id
        assert clause.id in cited, f"no row cites {clause.id}"


@each_regime
def test_weak_knowledge_does_not_bind(regime: Regime) -> None:
    """No must rests only on clauses of low confidence."""
    for row in regime.requirements:
        if row.obligation is Obligation.MUST:
            assert {regime.clause(id_).confidence for id_ in row.clauses} - {"L"}, row.id


@each_regime
def test_every_text_is_in_both_languages(regime: Regime) -> None:
    """Every text is in Vietnamese and English, the Vietnamese one with its diacritics in composed form (NFC)."""
    for where, text in texts(regime):
        assert text.vi != text.en, where
        assert re.search("[à-ỹđ]", text.vi.lower()), f"{where}: {text.vi}"
        assert not re.search("[ạ-ỹđă]", text.en.lower().replace("công báo", "").replace("nđ-cp", "")), where
        assert unicodedata.is_normalized("NFC", text.vi + text.en), where


@each_regime
def test_smoke_rows_need_few_scans(regime: Regime) -> None:
    """The smoke selection needs only a handshake and a few requests for one URL."""
    smoke = {row.check for row in regime.requirements if "smoke" in row.tags}
    assert {"https-reachable", "tls-modern-protocols", "certificate-in-date", "hsts-set"} <= smoke
    assert not any(name.startswith(("ports", "no-database", "declared", "dnssec", "spf", "dmarc")) for name in smoke)


def test_low_levels_are_recommended_under_the_new_law() -> None:
    """Law 116/2025 leaves the measures of levels 1 and 2 to the owner: without an overlay their rows recommend."""
    [regime] = [each for each in REGIMES if each.id == "vn-nd331-2026"]
    for row in regime.requirements:
        if row.overlay is None and set(row.levels) & {1, 2} and row.check != "level-fits-facts":
            assert row.force not in LEGAL, row.id
            assert row.obligation is Obligation.SHOULD, row.id


def test_no_threshold_of_a_foreign_baseline_is_called_law() -> None:
    """What no Vietnamese clause names (headers, HSTS, SPF, certificates) never binds, except for archives (QCVN 12)."""
    never = ("hsts-set", "framing", "content-type", "cookies", "no-version", "spf", "certificate", "tls-1-3", "caa")
    for regime in REGIMES:
        for row in regime.requirements:
            if row.check.startswith(never) and row.overlay != "qcvn12":
                assert row.force not in LEGAL, (regime.id, row.id)


def test_regimes_succeed_one_another() -> None:
    """Each regime but the last names the next one, and each transition an older one."""
    known = [regime.id for regime in REGIMES]
    assert [regime.next for regime in REGIMES] == [*known[1:], None]
    for index, regime in enumerate(REGIMES):
        assert {rule.regime for rule in regime.transitions} <= set(known[:index])


def test_no_day_is_silently_without_a_regime() -> None:
    """From the first regime's first day on, every day has exactly one regime, or an error that names the gap."""
    system = System(id="s", name="s", owner="o", level=3)
    day, last = REGIMES[0].valid_from, REGIMES[-1].valid_from + timedelta(days=800)
    gaps = [gap for regime in REGIMES for gap in regime.gaps]
    while day <= last:
        covered = [gap for gap in gaps if gap.first <= day <= gap.last]
        assert sum(regime.is_in_force(day) for regime in REGIMES) + len(covered) == 1, day
        if covered:
            with pytest.raises(UsageError, match=str(covered[0].last)):
                regime_for(REGIMES, system, day)
        else:
            assert regime_for(REGIMES, system, day).is_in_force(day)
        day += timedelta(days=1)
