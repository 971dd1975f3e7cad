"""Regimes are loaded from folders with the rows of extensions, and one is selected for a system on a day."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.declaration import System
from inspector.declare.document.yaml import read_yaml
from inspector.model.declared import Approval, ApprovalStatus, Stage
from inspector.model.errors import InputFileError, UsageError
from inspector.model.finding import Force
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime
from inspector.regime.selection import next_regime, regime_by_id, regime_for, transition_for
from inspector_profiles import inspector_profiles

REGIMES = load_all(inspector_profiles())
OLD, NEW = "vn-tt12-2022", "vn-nd331-2026"

HEAD = """\
id: {id}
version: "1"
title: {{vi: Chế độ, en: Regime}}
authority: {{vi: Bộ, en: Ministry}}
term: {{vi: an ninh, en: security}}
valid_from: 2020-01-01
last_checked: 2020-01-01
documents: [{document}]
"""
#: The index of the document of a regime's folder.
LAW = """\
id: {document}
number: 1/2020
vi: Luật
en: Law
source: s
confidence: H
clauses:
  transit:
    numbers: {{1-2: "5", 3-5: ["6", "7"]}}
    title: {{vi: Mã hóa, en: Encryption}}
    force: clause-evidence
"""
ROW = """\
- check: https-reachable
  levels: 1-5
  force: clause-evidence
  obligation: must
  severity: high
  clauses: [transit]
"""
EXTENSION = """\
id: ours
version: "3"
extends: base
title: {vi: Bổ sung, en: Ours}
last_checked: 2026-01-01
documents: [ours]
"""
OURS_INDEX = """\
id: ours
number: O/1
vi: Quy chế
en: Rules
source: s
confidence: H
clauses:
  own:
    numbers: {1-5: "1"}
    title: {vi: Quy định, en: Rule}
    force: binding
"""


def folder(at: Path, id_: str = "base", head: str = HEAD, rows: str = ROW, index: str = LAW) -> Path:
    """A regime's folder on disk, or with the head of an extension that one's, with the index of one document."""
    home = at / id_
    document = "law" if id_ == "base" else id_
    for name in ("requirements", "documents"):
        (home / name).mkdir(parents=True)
    (home / "regime.yaml").write_text(head.format(id=id_, document=document) if head is HEAD else head)
    (home / "requirements" / "all.yaml").write_text(rows)
    if "extends" in head:
        document, index = "ours", OURS_INDEX if "documents: [ours]" in head else ""
    if index:
        (home / "documents" / f"{document}.yaml").write_text(index.format(document=document) if index is LAW else index)
    return home


#: A deadline without a day or a span.
DEADLINE = "deadlines:\n- {id: x, title: {vi: V, en: E}, clauses: [transit], source: s, confidence: H}"


def loaded(home: Path) -> Regime:
    """The regime in one folder."""
    [regime] = load_all([home])
    return regime


def diagnostics(*homes: Path, pinned: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(InputFileError) as refused:
        load_all(homes, pinned=pinned)
    return [str(diagnostic) for diagnostic in refused.value.diagnostics]


def test_an_entry_of_clauses_gives_the_clause_of_each_level(tmp_path: Path) -> None:
    """An entry of ``clauses`` gives one clause or several at each level; a row that names it cites all of them."""
    regime = loaded(folder(tmp_path))
    assert {clause.id: clause.levels for clause in regime.clauses} == {
        "law-5": (1, 2),
        "law-6": (3, 4, 5),
        "law-7": (3, 4, 5),
    }
    [row] = regime.requirements
    assert (row.id, row.clauses) == ("https-reachable", ("law-5", "law-6", "law-7"))


def test_by_level_writes_several_rows_as_one(tmp_path: Path) -> None:
    """A row with ``by_level`` is read as one row for each entry, all with one id."""
    rows = """\
- check: hsts-set
  obligation: should
  clauses: [transit]
  by_level:
    1-2: {force: baseline, severity: low}
    3: {force: clause-evidence, severity: high, options: {max_age_seconds: 5}}
"""
    low, high = loaded(folder(tmp_path, rows=rows)).requirements
    assert (low.id, low.levels, low.force, low.clauses) == ("hsts-set", (1, 2), Force.BASELINE, ("law-5",))
    assert (high.levels, high.force, high.options) == ((3,), Force.CLAUSE_EVIDENCE, {"max_age_seconds": 5})


def test_the_level_may_be_an_option(tmp_path: Path) -> None:
    """A row with an option ``$level`` is read as one row for each level, the level in place of the option."""
    rows = ROW.replace("https-reachable", "level-fits-facts") + "  options: {level: $level}\n"
    regime = loaded(folder(tmp_path, rows=rows))
    assert [(row.levels, row.options) for row in regime.requirements] == [((n,), {"level": n}) for n in range(1, 6)]


@pytest.mark.parametrize(
    ("rows", "diagnostic"),
    [
        (
            ROW.replace("[transit]", "[transmit]"),
            "all.yaml:6:12: unknown clause 'transmit' in base; did you mean 'transit'?",
        ),
        (ROW.replace("[transit]", "[mail]"), "all.yaml:6:12: unknown clause 'mail' in base; known here: transit"),
        (ROW.replace("[transit]", "{base: [transit]}"), "all.yaml:6:12: clauses is a mapping, not a list"),
        (ROW.replace("1-5", "1-9"), "all.yaml:2:11: '1-9' is not a set of levels"),
        (ROW.replace("severity", "severeness"), "all.yaml:5:3: unknown key 'severeness'"),
        (ROW.replace("clause-evidence", "binding"), "all.yaml:1:3: https-reachable: claims binding at level 1"),
        (ROW.replace("clause-evidence", "baseline"), "must rests on baseline"),
        (ROW + ROW, "all.yaml:7:3: https-reachable: id is used twice"),
        (ROW + "  overlay: state\n", "unknown overlay 'state'"),
        (ROW + "  check: other\n", "all.yaml:7:3: duplicate key 'check'"),
        ("rows: {}\n", "all.yaml:1:1: not a list of rows"),
        ("- hsts-set\n", "all.yaml:1:3: a row is not a mapping"),
    ],
)
def test_diagnostics_of_rows_are_located(tmp_path: Path, rows: str, diagnostic: str) -> None:
    """Each error of a row has file, line and column."""
    assert any(diagnostic in each for each in diagnostics(folder(tmp_path, rows=rows)))


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        (
            "documents: [law]",
            "documents: [low]",
            "regime.yaml:8:13: document 'low' is not described; did you mean 'law'?",
        ),
        ("id: base", "id: bass", "regime.yaml:1:5: id 'bass' in folder 'base'"),
        ("valid_from: 2020-01-01", "valid_from: soon", "valid_from is 'soon', not a date"),
        (
            "documents: [law]",
            f"documents: [law]\n{DEADLINE.replace('[transit]', '[transmit], on: 2026-01-01')}",
            "unknown clause 'transmit' in base; did you mean 'transit'?",
        ),
        (
            "documents: [law]",
            f"documents: [law]\n{DEADLINE}",
            "give exactly one",
        ),
    ],
)
def test_diagnostics_of_the_regime_are_located(tmp_path: Path, old: str, new: str, diagnostic: str) -> None:
    """Each error of regime.yaml has file, line and column."""
    head = HEAD.format(id="base", document="law")
    assert old in head
    found = diagnostics(folder(tmp_path, head=head.replace(old, new)))
    assert any(diagnostic in each for each in found), found


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        ("confidence: H", "confidence: X", "base/documents/law.yaml:6:13: confidence is 'X'"),
        ("id: law", "id: low", "law.yaml:1:5: id 'low' in file 'law.yaml'"),
        ('["6", "7"]', '["6", "5"]', "clause 'law-5' is listed twice"),
        ('"5"', "5.10", "not a"),
        (
            "force: clause-evidence",
            "force: clause-evidence\n    not_judged: {vi: vì vậy, en: so}",
            "all.yaml:6:12: clause 'transit' is marked as not judged; remove not_judged from its entry",
        ),
        (
            "force: clause-evidence",
            "force: clause-evidence\n    optional: 1-2",
            "claims clause-evidence at level 1 for everyone, more than its clauses allow",
        ),
        (
            "force: clause-evidence",
            "force: clause-evidence\n    binds: state",
            "claims clause-evidence at level 1 for everyone, more than its clauses allow",
        ),
    ],
)
def test_diagnostics_of_a_clause_index_are_located(tmp_path: Path, old: str, new: str, diagnostic: str) -> None:
    """Each error of a document's index has file, line and column; a row claims no more than its clause binds."""
    index = LAW.format(document="law")
    assert old in index
    found = diagnostics(folder(tmp_path, index=index.replace(old, new)))
    assert any(diagnostic in each for each in found), found


def test_documents_are_shared_by_all_folders(tmp_path: Path) -> None:
    """A folder of documents alone serves the regimes; a document is described once, a subject may be in several."""
    library = tmp_path / "library"
    (library / "documents").mkdir(parents=True)
    (library / "documents" / "decree.yaml").write_text(
        LAW.format(document="decree").replace('{1-2: "5", 3-5: ["6", "7"]}', '{1-5: "9"}')
    )
    head = HEAD.format(id="base", document="law, decree")
    [regime] = load_all([library, folder(tmp_path, head=head)])
    [row] = regime.requirements
    assert row.clauses == ("law-5", "law-6", "law-7", "decree-9")
    (library / "documents" / "law.yaml").write_text(LAW.format(document="law"))
    assert any("document 'law' is described twice" in each for each in diagnostics(tmp_path / "base", library))


def test_a_row_may_bind_some_owners_only(tmp_path: Path) -> None:
    """A clause that binds state bodies carries a row that is limited to them, or to fewer."""
    head = HEAD.format(id="base", document="law") + (
        "overlays:\n- {id: state, title: {vi: V, en: E}, when: {state_body: true}, binds: state, "
        "valid_from: 2020-01-01}\n"
    )
    index = LAW.format(document="law") + "    binds: state\n"
    for limit in ("bound", "overlay"):
        [regime] = load_all([folder(tmp_path / limit, head=head, rows=ROW + f"  {limit}: state\n", index=index)])
        assert [row.id for row in regime.requirements] == ["https-reachable"]


# --- Extensions -----------------------------------------------------------------------------------------------------

OURS = "- {check: ours, levels: 1-5, force: baseline, obligation: should, severity: low, clauses: [own]}\n"
#: A second regime, in which encryption in transit is another clause.
OTHER_LAW = LAW.format(document="other").replace('{1-2: "5", 3-5: ["6", "7"]}', '{1-5: "9"}')
BOTH = EXTENSION.replace("extends: base", "extends: [base, other]")


def cited(regimes: tuple[Regime, ...]) -> dict[str, tuple[str, ...]]:
    """The clauses of the extension's row by regime."""
    return {regime.id: row.clauses for regime in regimes for row in regime.requirements if row.id == "ours"}


def two_regimes(at: Path, rows: str) -> list[Path]:
    """Two regimes and an extension of both."""
    return [folder(at), folder(at, "other", index=OTHER_LAW), folder(at, "ours", BOTH, rows)]


def test_an_extension_adds_rows(tmp_path: Path) -> None:
    """The rows of an extension are added to the regime, whose version then names the extension."""
    [regime] = load_all([folder(tmp_path), folder(tmp_path, "ours", EXTENSION, OURS)])
    assert {row.id for row in regime.requirements} == {"https-reachable", "ours"}
    assert regime.version == "1+ours.3"
    assert regime.clause("ours-1").document == "O/1"


def test_one_row_is_added_to_several_regimes(tmp_path: Path) -> None:
    """A row cites a clause by name in every regime that its extension names."""
    regimes = load_all(two_regimes(tmp_path, OURS.replace("[own]", "[own, transit]")))
    assert cited(regimes) == {"base": ("ours-1", "law-5", "law-6", "law-7"), "other": ("ours-1", "other-9")}
    assert [regime.version for regime in regimes] == ["1+ours.3", "1+ours.3"]


def test_clauses_may_be_listed_by_regime(tmp_path: Path) -> None:
    """Where the regimes have different names for a clause, a row lists its clauses by regime; one may have none."""
    rows = OURS.replace("[own]", "{base: [transit]}, source: RFC 1")
    assert cited(load_all(two_regimes(tmp_path, rows))) == {"base": ("law-5", "law-6", "law-7"), "other": ()}


@pytest.mark.parametrize(
    ("clauses", "diagnostic"),
    [
        ("[transmit]", "all.yaml:1:91: unknown clause 'transmit' in base; did you mean 'transit'?"),
        ("[mail]", "all.yaml:1:91: unknown clause 'mail' in base; known here: own, transit"),
        ("{base: [own], other: [mail]}", "all.yaml:1:112: unknown clause 'mail' in other; known here: own, transit"),
        ("{bass: [own]}", "all.yaml:1:98: clauses of 'bass', which this folder does not extend; did you mean 'base'?"),
        ("{base: [own]}", "neither clauses nor source"),
        ("[own], overlay: state", "ours in base: unknown overlay 'state'; none is described"),
    ],
)
def test_diagnostics_of_an_extensions_rows_are_located(tmp_path: Path, clauses: str, diagnostic: str) -> None:
    """Each error of an extension's row has file, line and column, and names the regime in which it is one."""
    found = diagnostics(*two_regimes(tmp_path, OURS.replace("[own]", clauses)))
    assert any(diagnostic in each for each in found), found


def test_a_row_claims_no_more_than_its_clauses_allow_in_each_regime(tmp_path: Path) -> None:
    """A row of a pinned extension that is law in one regime and not in the other is refused."""
    homes = two_regimes(
        tmp_path, OURS.replace("baseline", "binding").replace("[own]", "{base: [own], other: [transit]}")
    )
    assert [
        each for each in diagnostics(*homes, pinned=("ours",)) if "ours in other: claims binding at level 1" in each
    ]


def test_an_extension_binds_only_when_it_is_pinned(tmp_path: Path) -> None:
    """A row of an extension has at most force baseline, unless the one who runs the inspection has pinned it."""
    rows = OURS.replace("baseline", "binding").replace("should", "must")
    homes = [folder(tmp_path), folder(tmp_path, "ours", EXTENSION, rows)]
    with pytest.raises(InputFileError, match=r"ours/regime\.yaml:3:10: row 'ours' claims binding"):
        load_all(homes)
    [regime] = load_all(homes, pinned={"ours"})
    assert {row.id: row.force for row in regime.requirements}["ours"] is Force.BINDING


def test_an_extension_cannot_change_what_is_there(tmp_path: Path) -> None:
    """A row with the id of one in the regime, or in another extension, is refused, and the owner of the id is named."""
    same = OURS.replace("check: ours", "check: https-reachable")
    with pytest.raises(InputFileError, match="row 'https-reachable' is already in base"):
        load_all([folder(tmp_path), folder(tmp_path, "ours", EXTENSION, same)])
    theirs = EXTENSION.replace("id: ours", "id: theirs").replace("documents: [ours]\n", "")
    homes = [
        tmp_path / "base",
        folder(tmp_path, "theirs", theirs, OURS.replace("[own]", "[transit]")),
        folder(tmp_path / "new", "ours", EXTENSION, OURS),
    ]
    with pytest.raises(InputFileError, match=r"ours/regime\.yaml:3:10: row 'ours' is already in theirs"):
        load_all(homes)


def test_an_extension_needs_its_regime(tmp_path: Path) -> None:
    """An extension of a regime that is not installed is an error that names the installed ones."""
    with pytest.raises(InputFileError, match="extends 'base', which is not installed"):
        load_all([folder(tmp_path, "ours", EXTENSION, "[]\n")])
    near = folder(tmp_path / "near", "ours", EXTENSION.replace("extends: base", "extends: basis"), "[]\n")
    with pytest.raises(InputFileError, match="did you mean 'base'"):
        load_all([folder(tmp_path), near])


# --- Selecting ------------------------------------------------------------------------------------------------------


def system(**approval: Any) -> System:
    """A system with an approval as declared, none without fields; ``stage`` and start of operation are its own."""
    own = {name: approval.pop(name) for name in ("stage", "in_operation_from") if name in approval}
    given = Approval(**{"status": ApprovalStatus.APPROVED, **approval}) if approval else None
    return System(id="s", name="s", owner="o", level=3, approval=given, **own)


def chosen(day: str, **approval: Any) -> str:
    return regime_for(REGIMES, system(**approval), date.fromisoformat(day)).id


NEVER: dict[str, Any] = {}
EARLY = {"date": date(2024, 9, 1)}
UNDATED = {"regime": OLD}
INVESTED = {"date": date(2026, 10, 1), "regime": OLD, "investment_from": date(2026, 5, 1)}
AWAITING = {"status": ApprovalStatus.SUBMITTED, "stage": Stage.BUILD, "investment_from": date(2026, 5, 1)}


@pytest.mark.parametrize(
    ("day", "approval", "regime"),
    [
        ("2022-10-01", NEVER, OLD),
        ("2026-06-30", NEVER, OLD),
        ("2026-08-19", NEVER, NEW),
        # Classified before 1 July 2026: the old rules until 30 June 2027, in the gap too.
        ("2026-07-01", EARLY, OLD),
        ("2026-08-18", EARLY, OLD),
        ("2027-06-30", EARLY, OLD),
        ("2027-07-01", EARLY, NEW),
        ("2027-06-30", UNDATED, OLD),
        ("2027-07-01", UNDATED, NEW),
        ("2026-11-21", {"date": date(2026, 6, 30)}, OLD),
        ("2026-11-21", {"date": date(2026, 7, 1)}, NEW),
        ("2026-11-21", {"date": date(2024, 9, 1), "regime": NEW}, NEW),
        ("2026-11-21", {"date": date(2024, 9, 1), "status": ApprovalStatus.APPRAISED}, NEW),
        # Investments begun before 1 July 2026 and approved by the end of 2026.
        ("2026-11-21", INVESTED, OLD),
        ("2027-06-30", INVESTED, OLD),
        ("2027-07-01", INVESTED, NEW),
        ("2026-11-21", INVESTED | {"in_operation_from": date(2026, 9, 1)}, OLD),
        ("2026-11-21", INVESTED | {"in_operation_from": date(2026, 6, 30)}, NEW),
        ("2026-09-30", INVESTED, NEW),
        ("2026-11-21", INVESTED | {"regime": None}, NEW),
        ("2026-08-10", INVESTED | {"regime": None, "date": date(2026, 8, 1)}, OLD),
        ("2027-01-15", INVESTED | {"date": date(2027, 1, 4)}, NEW),
        ("2026-11-21", INVESTED | {"investment_from": date(2026, 7, 1)}, NEW),
        ("2026-12-31", AWAITING, OLD),
        ("2026-12-31", AWAITING | {"stage": Stage.OPERATING}, NEW),
        ("2027-01-01", AWAITING, NEW),
    ],
)
def test_the_regime_follows_approval_and_transition(day: str, approval: dict[str, Any], regime: str) -> None:
    """Each system has the regime of its own approval on that day."""
    assert chosen(day, **approval) == regime


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-07-01", "2026-07-01 to 2026-08-18"),
        ("2026-08-18", "2026-07-01 to 2026-08-18"),
        ("2022-09-30", "vn-tt12-2022 from 2022-10-01"),
    ],
)
def test_a_day_without_a_regime_is_an_error(day: str, words: str) -> None:
    """In the gap between the regimes, and before the first one, the error says so and what to do."""
    with pytest.raises(UsageError, match=words) as refused:
        chosen(day)
    assert "--regime" in refused.value.remedy


def test_the_transition_that_applies_is_known() -> None:
    """A report explains why a system still follows the older regime."""
    found = transition_for(REGIMES, system(**EARLY), date(2026, 11, 21))
    assert found is not None
    assert (found.older.id, found.newer.id, found.rule.until) == (OLD, NEW, date(2027, 6, 30))
    assert transition_for(REGIMES, system(), date(2026, 11, 21)) is None


def test_two_regimes_on_one_day_are_an_error() -> None:
    """Of two regimes in force on one day, neither is selected silently."""
    twin: Regime = REGIMES[-1].model_copy(update={"id": "twin"})
    with pytest.raises(UsageError, match="several regimes are in force"):
        regime_for([*REGIMES, twin], system(), date(2026, 11, 21))


def test_regimes_are_found_by_name() -> None:
    """A regime is found by its id, and the next one through it; the error for an unknown id lists the known ones."""
    assert next_regime(REGIMES, regime_by_id(REGIMES, OLD)) == regime_by_id(REGIMES, NEW)
    assert next_regime(REGIMES, regime_by_id(REGIMES, NEW)) is None
    with pytest.raises(UsageError, match=f"{NEW}, {OLD}"):
        regime_by_id(REGIMES, "vn-tt03-2017")


def test_packaged_files_read_the_same_quickly() -> None:
    """The C parser gives the same values and locations as the Python parser."""
    files = [each for root in inspector_profiles() for each in Path(str(root)).rglob("*.yaml")]
    assert len(files) > 10
    for file in files:
        quick, slow = (read_yaml(file.read_text("utf-8"), file.name, quickly=each) for each in (True, False))
        assert (quick.data, quick.values, quick.keys) == (slow.data, slow.values, slow.keys)


def test_a_diagnostic_in_a_packaged_file_has_the_same_message() -> None:
    """The C parser has no messages of its own."""
    for text in ("a: [1, 2\nb: 3\n", "a: \x01\n", "a: *missing\n", "a: 1\n--- \nb: 2\n", ""):
        with pytest.raises(InputFileError) as quick:
            read_yaml(text, "x.yaml", quickly=True).close()
        with pytest.raises(InputFileError) as slow:
            read_yaml(text, "x.yaml").close()
        assert str(quick.value) == str(slow.value)
