"""People read a host of another script in both forms; programs, and ids, have its A-labels alone."""

import json

import pytest

from inspector import Outcome
from inspector.model.finding import finding_id
from inspector.pipeline.reporting import render
from tests.reports import examples as specimens
from tests.reports.test_golden import FORMATS, registry

URI = "https://xn--strae-oqa.test/"


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    system = specimens.inspection().system.model_copy(update={"endpoints": (URI,)})
    row = specimens.finding(
        "version-hidden",
        Outcome.FAIL,
        "sends {measured}",
        subject=URI,
        values={"measured": ("xn--mgba3gch31f060k.test", "a.test")},
    )
    view = specimens.view(
        inspection=specimens.inspection().model_copy(update={"system": system}),
        assessment=specimens.assessment().model_copy(update={"findings": (row,)}),
    )
    return {name: data.decode() for name, data in render([view], FORMATS, registry()).items()}


def test_reports_for_people_show_both(rendered: dict[str, str]) -> None:
    """The A-labels stand first, which nobody mistakes for another host's; joiners are escaped."""
    readable = [name for name in rendered if name != "findings.json"]
    assert len(readable) == 7
    for name in readable:
        text = rendered[name]
        shown = json.dumps(json.loads(text), ensure_ascii=False) if text.startswith(("{", "[")) else text
        assert f"{URI} (straße.test)" in shown, name
        assert "xn--mgba3gch31f060k.test (نامه\\" in shown, name
        assert "\u200c" not in shown, name
    for name in ("report.vi.html", "report.en.html"):
        assert rendered[name].count(f"{URI} (straße.test)") >= 2  # the finding and the declared endpoint


def test_findings_for_programs_have_a_labels(rendered: dict[str, str]) -> None:
    """The id is that of the normalised subject."""
    (found,) = json.loads(rendered["findings.json"])
    assert (found["subject"], found["id"]) == (URI, finding_id("version-hidden", URI))
    assert "straße" not in rendered["findings.json"]
