"""The regimes that ship with the product obey the rules for every regime."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from inspector.declare.declaration import System
from inspector.model.base import Model
from inspector.model.declared import Facts
from inspector.model.errors import UsageError
from inspector.model.finding import Force, Obligation
from inspector.regime.loader import load_all
from inspector.regime.regime import (
    AS_OF,
    LEGAL,
    NOT_OBSERVABLE,
    BilingualText,
    Bound,
    Regime,
    Requirement,
    resolve,
)
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
UPPER_BOUNDS = {"longest_hours", "months"}
#: Options that select what is assessed, not how strictly.
NEUTRAL = {
    *("level", "signs", "kept_before", "approval_first_from"),
    *("approvers", "unclear", "as_of", "last_day", "first_year"),
}


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
    """Every bilingual text of a regime, with the id of what holds it."""

    def found(where: str, value: Any) -> Iterator[tuple[str, BilingualText]]:
        if isinstance(value, BilingualText):
            yield where, value
        if isinstance(value, Model):
            where = str(getattr(value, "id", where))
            for name in type(value).model_fields:
                yield from found(where, getattr(value, name))
        elif isinstance(value, tuple | dict):
            for each in value.values() if isinstance(value, dict) else value:
                yield from found(where, each)

    return found(regime.id, regime)


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
    """Every check of the built-in plugins has a row in every regime; one of documents alone, in one regime at least."""
    built_in = {plugin.package for plugin in registry.plugins if plugin.distribution == "level-inspector"}
    checks = {id_: each for id_, each in registry.checks.items() if registry.package_of(id_) in built_in}
    asked = {row.check for row in regime.requirements}
    assert {id_ for id_, each in checks.items() if any(wire.kind for wire in each.inputs)} - asked == set()
    assert set(checks) - {row.check for each in REGIMES for row in each.requirements} == set()


@each_regime
def test_options_fit_the_signature(regime: Regime, registry: Registry) -> None:
    """The options of every row are valid for its check."""
    for row in regime.requirements:
        if row.check != NOT_OBSERVABLE:
            options = {name: "2026-12-01" if value == AS_OF else value for name, value in row.options.items()}
            registry.checks[row.check].validate(options)
        else:
            assert not row.options, row.id


@each_regime
def test_scan_options_name_probes(regime: Regime, registry: Registry) -> None:
    """Scan options are for probes that exist."""
    assert {probe for row in regime.requirements for probe in row.scan} <= set(registry.probes)


@each_regime
def test_must_rests_on_law(regime: Regime) -> None:
    """A row is must only with force binding or clause-evidence, and some cited clause allows that force."""
    binds = {overlay.id: overlay.binds for overlay in regime.overlays}
    for row in regime.requirements:
        owners = binds.get(row.bound or row.overlay or "", Bound.EVERYONE)
        if row.obligation is Obligation.MUST:
            assert row.force in LEGAL, row.id
        for level in row.levels:
            cited = [regime.clause(id_) for id_ in row.clauses]
            forces = [FORCES.index(each.force_for(owners, level)) for each in cited if level in each.levels]
            if row.force in LEGAL:
                assert max(forces, default=-1) >= FORCES.index(row.force), (row.id, level)
            assert forces or row.source, (row.id, level)


@each_regime
def test_a_clause_of_some_owners_is_cited_for_them_alone(regime: Regime) -> None:
    """What binds archives, critical systems, state bodies or service firms stands in no row for others.

    The decrees on levels encourage the owners whom they do not bind (Decree 331/2026 Art 2), so any row may cite them.
    """
    binds = {overlay.id: overlay.binds for overlay in regime.overlays}
    for row in regime.requirements:
        owners = binds.get(row.overlay or row.bound or "", Bound.EVERYONE)
        for level in row.levels:
            cited = [regime.clause(id_) for id_ in row.clauses]
            found = {each.id for each in cited if level in each.levels and not each.binds.includes(owners, level)}
            encouraged = {each.id for each in cited if each.binds is Bound.STATE_AND_SERVICES}
            assert found - encouraged == set(), (row.id, level)


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
    """Every clause has a source and a confidence, and its document is described, with the day on which it was read."""
    for clause in regime.clauses:
        assert clause.source, clause.id
        assert clause.confidence in ("H", "M", "L"), clause.id
        assert clause.document in regime.documents, clause.id
    for document in regime.documents.values():
        assert document.read is not None, document.id


def test_every_clause_is_used_or_says_why_not() -> None:
    """A clause of the index is cited by a row or a deadline of some regime, or says why it is not judged."""
    used = {id_ for regime in REGIMES for row in regime.requirements for id_ in row.clauses}
    used |= {id_ for regime in REGIMES for each in regime.deadlines for id_ in each.clauses}
    clauses = {clause.id: clause for regime in REGIMES for clause in regime.clauses}
    assert [id_ for id_, clause in clauses.items() if (id_ in used) == (clause.not_judged is not None)] == []


def test_a_row_is_a_measure_or_a_duty_in_every_regime() -> None:
    """Rows with one id are of one kind: else a system in transition would have a row twice, or not at all."""
    kinds = defaultdict(set)
    for regime in REGIMES:
        for row in regime.requirements:
            kinds[row.id].add(row.kind)
    assert [id_ for id_, each in kinds.items() if len(each) > 1] == []


@each_regime
def test_rows_keep_the_terms_of_the_law(regime: Regime) -> None:
    """The last days in the options of rows are those of the regime's deadlines."""
    yearly = {each.id: str(each.yearly) for each in regime.deadlines if each.yearly}
    days = {row.check: row.options["last_day"] for row in regime.requirements if "last_day" in row.options}
    named = {
        "yearly-report-in-window": "yearly-report-to-ministry",
        "critical-self-inspection": "critical-self-inspection",
    }
    assert days == {check: yearly[named[check]] for check in days}
    assert "yearly-report-in-window" in days
    certified = [row.due_from for row in regime.requirements if row.check == "operators-certified"]
    assert set(certified) <= {each.on for each in regime.deadlines}


@each_regime
def test_deadlines_are_told_apart(regime: Regime) -> None:
    """A deadline has an id of its own, and whoever it binds is bound by a clause that it cites."""
    ids = [each.id for each in regime.deadlines]
    assert len(ids) == len(set(ids))
    for each in regime.deadlines:
        cited = [regime.clause(id_) for id_ in each.clauses]
        assert any(clause.binds.includes(each.binds, max(each.levels)) for clause in cited), each.id


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


def test_low_levels_are_free_in_measures_alone() -> None:
    """Law 116/2025 Art 10.3 leaves measures of levels 1 and 2 to the owner, not the tasks, nor a text of its own."""
    [regime] = [each for each in REGIMES if each.id == "vn-nd331-2026"]
    standard = {each.id for each in regime.clauses if each.document.startswith("TCVN")}
    for row in regime.requirements:
        if set(row.levels) & {1, 2} and row.force in LEGAL:
            assert not set(row.clauses) <= standard, row.id
            tasks = {"law116-10.1.b", "law116-10.1.c", "law116-10.1.e", "law116-40.1.c"}
            assert row.bound or row.overlay or set(row.clauses) & tasks, row.id


def test_the_decrees_bind_those_whom_they_name() -> None:
    """Under Decree 331/2026 Art 2 and Decree 85/2016 Art 2 the procedures bind state bodies and online services."""
    for regime, scope in zip(REGIMES, ("nd85", "nd331"), strict=True):
        for level in range(1, 6):
            for facts, expected in (
                ({"state_body": True}, Force.BINDING),
                ({"internal_only": False}, Force.BINDING),
                ({"state_body": False, "internal_only": True}, Force.BASELINE),
                ({}, Force.BINDING),
            ):
                system = System(id="s", name="s", owner="o", level=level, facts=Facts(**facts))
                rows = {
                    row.id: row
                    for row in resolve(
                        regime, system, as_of=date(2026, 6, 1) if scope == "nd85" else date(2026, 11, 29)
                    )
                }
                assert rows["approval-in-place"].force is expected, (regime.id, level, facts)
                assert rows["yearly-report-in-window"].force is expected, (regime.id, level, facts)
                assert rows["approval-in-place"].unsettled is (not facts), (regime.id, level, facts)


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
