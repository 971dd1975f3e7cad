"""Which assessment of a bundle a comparison reads."""

from pathlib import Path

from inspector.cli.judged import read_side
from inspector.seal import SigningKey, add_assessment
from tests.core.seal.examples import assessment, sealed


def test_of_many_assessments_of_one_date_the_last_one_is_read(tmp_path: Path) -> None:
    """The tenth assessment of a date is newer than the ninth, though its folder's name sorts before."""
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    bundle = sealed(tmp_path, key)
    for number in range(1, 11):
        last = add_assessment(bundle, assessment(bundle, version=f"0.1.{number}"), {}, key)
    assert last.name.endswith("-10")
    (side,) = read_side(bundle.folder)
    assert side.newest().name == last.name
