"""Between mail servers nobody checks who answers: an anonymous suite is no failure there, a NULL suite is."""

from pathlib import Path

import pytest

from inspector import Outcome
from inspector_tls.checks.no_null_or_anonymous_suites import no_null_or_anonymous_suites
from inspector_tls.observations import Tls
from inspector_tls.suites import accepted_suites, does_not_encrypt

RECORDED = Path(__file__).parent / "recorded" / "tls"


@pytest.mark.parametrize("name", ["from-tls-1-0", "nginx-old"])
def test_anonymous_suites_count_where_somebody_checks(name: str) -> None:
    """The same server fails as https, and as smtp only when a suite does not encrypt."""
    seen = Tls.parse((RECORDED / f"{name}.json").read_bytes())
    assert no_null_or_anonymous_suites(seen).outcome is Outcome.FAIL
    mail = seen.model_copy(update={"scheme": "smtp"})
    expected = Outcome.FAIL if accepted_suites(seen, does_not_encrypt) else Outcome.PASS
    assert no_null_or_anonymous_suites(mail).outcome is expected


def test_both_sorts_of_server_were_recorded() -> None:
    """One of the recordings has anonymous suites alone, the other NULL suites, too."""
    names = [Tls.parse((RECORDED / f"{name}.json").read_bytes()) for name in ("from-tls-1-0", "nginx-old")]
    assert {bool(accepted_suites(each, does_not_encrypt)) for each in names} == {True, False}
