"""The index of a run lists every attempt, whatever became of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.model.errors import BundleError
from inspector.pipeline.attempts import AttemptLog
from inspector.seal import Attempt, RunIndex, SigningKey, State, without_inspection
from inspector.seal.unfinished import UnfinishedScan
from tests.core.seal.examples import WHEN, inspection

ROOT = Path(__file__).resolve().parents[3]


def attempt(inspection: str, state: State, **more: str) -> Attempt:
    return Attempt(at=WHEN, system="sys-a", inspection=inspection, state=state, **more)


def test_every_attempt_is_listed_as_it_stood_last(tmp_path: Path) -> None:
    """Attempts come in the order of their beginnings, each as it stood last, failed ones with the reason."""
    index = RunIndex(tmp_path, "run-1")
    assert index.attempts() == ()
    index.add(attempt("one", State.BEGUN))
    index.add(attempt("two", State.FAILED, detail="no authorisation"))
    index.add(attempt("one", State.SEALED, folder="sys-a/one", digest="0" * 64))
    assert [(each.inspection, each.state) for each in index.attempts()] == [
        ("one", State.SEALED),
        ("two", State.FAILED),
    ]
    assert index.path == tmp_path / "run-1" / "index.jsonl"
    assert index.path.stat().st_mode & 0o777 == 0o600


def test_a_system_that_was_asked_for_is_listed_until_it_is_attempted(tmp_path: Path) -> None:
    """One line for each system that was requested; an attempt, or a failure without one, takes its place."""
    index = RunIndex(tmp_path, "run-1")
    asked = [
        Attempt(at=WHEN, system=name, inspection=without_inspection(name), state=State.REQUESTED) for name in "abc"
    ]
    index.add_all(asked)
    index.add(Attempt(at=WHEN, system="a", inspection="one", state=State.BEGUN))
    index.add(Attempt(at=WHEN, system="b", inspection=without_inspection("b"), state=State.FAILED, detail="why"))
    assert [(each.system, each.state) for each in index.attempts()] == [
        ("b", State.FAILED),
        ("c", State.REQUESTED),
        ("a", State.BEGUN),
    ]


def test_what_there_is_is_signed(tmp_path: Path) -> None:
    """At the end of a run the index is signed without a further line, also where every system failed."""
    index = RunIndex(tmp_path, "run-1")
    index.add(attempt("one", State.FAILED))
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    index.add_all((), key)
    sealed, attempts = index.signed()
    assert (sealed.predicate.lines, [each.inspection for each in attempts]) == (1, ["one"])


def test_a_torn_line_is_left_out_and_cut(tmp_path: Path) -> None:
    """A line that a crash tore is not listed, and the next attempt is written after the last whole line."""
    index = RunIndex(tmp_path, "run-1")
    index.add(attempt("one", State.BEGUN))
    with index.path.open("ab") as file:
        file.write(b'{"at":"2026')
    assert [each.inspection for each in index.attempts()] == ["one"]
    index.add(attempt("two", State.BEGUN))
    assert [each.inspection for each in index.attempts()] == ["one", "two"]


def test_processes_add_at_once(tmp_path: Path) -> None:
    """Several processes that add at the same time tear none of each other's lines."""
    script = """
import sys
from pathlib import Path
from inspector.seal import RunIndex, State
from tests.core.seal.test_run_index import attempt
for number in range(20):
    RunIndex(Path(sys.argv[1]), "run-1").add(attempt(f"{sys.argv[2]}-{number}", State.BEGUN))
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], cwd=ROOT) for name in ("a", "b", "c")
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(RunIndex(tmp_path, "run-1").attempts()) == 60


def test_a_line_that_is_none_is_located(tmp_path: Path) -> None:
    """An invalid line of the index is refused by file and line."""
    index = RunIndex(tmp_path, "run-1")
    index.add(attempt("one", State.BEGUN))
    with index.path.open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(BundleError, match=r"index\.jsonl:2"):
        index.attempts()


def test_a_run_stays_in_its_folder(tmp_path: Path) -> None:
    """A run whose name leads elsewhere gets no index."""
    with pytest.raises(BundleError, match="cannot be the name of a folder"):
        RunIndex(tmp_path, "../elsewhere").add(attempt("one", State.BEGUN))


def test_a_folder_that_went_away_is_not_made_again(tmp_path: Path) -> None:
    """A signature, and the state of an inspection whose folder is gone, are refused with the folder's name."""
    index = RunIndex(tmp_path / "out", "run-1")
    with pytest.raises(BundleError, match="run-1: is not there any more; put the output folder back in its place"):
        index.add_all((), SigningKey.load_or_create(tmp_path / "key.pem"))
    log = AttemptLog(index, "portal")
    with pytest.raises(BundleError, match="is not there any more"):
        log.record(State.INTERRUPTED, inspection(id="one"))
    with pytest.raises(BundleError, match="is not there any more"):
        UnfinishedScan(tmp_path / "out/run-1/portal/one", ["scan"]).keep(b"part")
    assert not (tmp_path / "out").exists()
