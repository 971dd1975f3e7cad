"""A row of the shipped packs that claims more than its clauses is refused when the packs are loaded."""

import shutil
from pathlib import Path

import pytest

from inspector.model.errors import InspectorError
from inspector.regime.loader import load_all
from inspector_profiles import inspector_profiles

EXPECTED = "claims {force} at level {level} for everyone, more than its clauses allow"
LOW = "levels: 3-5\n  force: clause-evidence\n  obligation: should\n  severity: low\n"


def loaded(folder: Path, file: str, old: str, new: str) -> None:
    """Load a copy of the packs in which the first ``old`` of a file is ``new``."""
    for each in inspector_profiles():
        shutil.copytree(str(each), folder / each.name)
    path = folder / "vn-nd331-2026" / "requirements" / f"{file}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    load_all([folder / each.name for each in inspector_profiles()])


@pytest.mark.parametrize(
    ("file", "old", "new", "diagnostic"),
    [
        (
            "web",
            "1-2: {force: baseline, obligation: should,",
            "1-2: {force: clause-evidence, obligation: must,",
            EXPECTED.format(force="clause-evidence", level=1),
        ),
        (
            "dossier",
            "- check: incident-contact-filed\n  kind: duty\n  bound: nd331\n",
            "- check: incident-contact-filed\n  kind: duty\n",
            EXPECTED.format(force="clause-evidence", level=1),
        ),
        (
            "dossier",
            "- check: budget-share-met\n  kind: duty\n  overlay: state\n",
            "- check: budget-share-met\n  kind: duty\n",
            EXPECTED.format(force="binding", level=1),
        ),
        (
            "dossier",
            "- check: critical-certificate\n  kind: duty\n  levels: 5\n",
            "- check: critical-certificate\n  kind: duty\n  levels: 4-5\n",
            EXPECTED.format(force="binding", level=4),
        ),
        (
            "web",
            LOW,
            LOW.replace("clause-evidence", "binding").replace("should", "must"),
            EXPECTED.format(force="binding", level=3),
        ),
        ("web", LOW, LOW.replace("clause-evidence", "baseline").replace("should", "must"), "must rests on baseline"),
        ("web", "clauses: [incident-address]", "clauses: [incident-addresses]", "did you mean 'incident-address'?"),
    ],
    ids=["free level", "unbound", "state", "critical", "evidence", "baseline", "unknown"],
)
def test_a_row_that_claims_more_than_the_index_is_refused(
    file: str, old: str, new: str, diagnostic: str, tmp_path: Path
) -> None:
    """Neither a level that is left to the owner, nor an owner who is not bound, nor a force that no clause has."""
    with pytest.raises(InspectorError) as raised:
        loaded(tmp_path, file, old, new)
    assert diagnostic in str(raised.value)


def test_the_packs_as_they_are_load(tmp_path: Path) -> None:
    """The copy itself is no reason for a refusal."""
    loaded(tmp_path, "web", "sessions", "sessions")
