"""The checks, on what was recorded from running servers (``record``)."""

import json
from pathlib import Path

import pytest

from inspector import Answer, Cause, Check, Declared, Observation, Outcome, Subject, SubjectResult, Verdict, checks_in
from inspector.model.subject import SYSTEM
from inspector.testing import unseen_variants
from inspector_services import checks
from inspector_services.observations import Banner, Banners, OpenPorts, PortBanner, PortState, ServiceProtocol, Span
from inspector_services.port_roles import NOTABLE, TABLE
from tests.plugins.inspector_services.scanning import tcp

RECORDED = Path(__file__).with_name("recorded")
SCENES = sorted(path.stem for path in RECORDED.glob("*.json"))
BY_ID = {check.id: check for check in checks_in(checks)}
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)

PASS, FAIL, UNCLEAR, NONE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE
EXPECTED: dict[str, dict[str, Outcome]] = {
    "ports-only-declared": {
        "orderly": PASS,
        "behind-a-firewall": PASS,
        "redirecting": PASS,
        "exposed": FAIL,
        "doubtful": FAIL,
        "disguised": FAIL,
        "nothing": PASS,
    },
    "declared-ports-open": {
        "orderly": PASS,
        "behind-a-firewall": PASS,
        "redirecting": PASS,
        "exposed": FAIL,
        "doubtful": UNCLEAR,
        "disguised": PASS,
        "nothing": FAIL,
    },
    "no-cleartext-administration": {
        "orderly": PASS,
        "behind-a-firewall": PASS,
        "redirecting": PASS,
        "exposed": FAIL,
        "doubtful": UNCLEAR,
        "disguised": PASS,
        "nothing": PASS,
    },
    "no-database-reachable": {
        "orderly": PASS,
        "behind-a-firewall": PASS,
        "redirecting": PASS,
        "exposed": FAIL,
        "doubtful": UNCLEAR,
        "disguised": PASS,
        "nothing": PASS,
    },
    "no-file-sharing-reachable": {
        "orderly": PASS,
        "behind-a-firewall": PASS,
        "redirecting": PASS,
        "exposed": FAIL,
        "doubtful": UNCLEAR,
        "disguised": PASS,
        "nothing": PASS,
    },
}


class Scene:
    """One recorded host."""

    def __init__(self, name: str) -> None:
        told = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        endpoints = ("https://host.test/",) if 443 in told["declared"] else ()
        self.declared = tcp(*told["declared"]).model_copy(update={"endpoints_here": endpoints})
        self.ports = OpenPorts.model_validate(told["ports"])
        self.banners = Banners.model_validate(told["banners"])


def evaluate(check: Check, *facts: Observation | Declared) -> Verdict:
    """Judge as the engine does, whatever of ``facts`` the check takes."""
    inputs = {type(fact): fact for fact in facts}
    given = [inputs[wire.kind or Declared] for wire in check.inputs]
    return check.evaluate([each if isinstance(each, Declared) else about(each) for each in given], {})


def about(fact: Observation) -> SubjectResult[Observation]:
    subject: Subject = SYSTEM
    return SubjectResult(subject, fact)


@pytest.mark.parametrize(("check", "scene"), [(check, scene) for check in EXPECTED for scene in SCENES])
def test_each_check_judges_each_recorded_host(check: str, scene: str) -> None:
    """Every recorded host has the verdict that it deserves."""
    host = Scene(scene)
    assert evaluate(BY_ID[check], host.ports, host.banners, host.declared).outcome is EXPECTED[check][scene]


@pytest.mark.parametrize("check", checks_in(checks), ids=lambda check: check.id)
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_turns_good_because_it_was_not_seen(check: Check, scene: str) -> None:
    """No single answer that goes missing turns a verdict into pass or not-applicable."""
    host = Scene(scene)
    before = evaluate(check, host.ports, host.banners, host.declared).outcome
    if before in GOOD:
        return
    for ports in unseen_variants(host.ports):
        assert evaluate(check, ports, host.banners, host.declared).outcome not in GOOD
    for banners in unseen_variants(host.banners):
        assert evaluate(check, host.ports, banners, host.declared).outcome not in GOOD


@pytest.mark.parametrize("check", checks_in(checks), ids=lambda check: check.id)
def test_a_host_of_which_nothing_is_known_is_inconclusive(check: Check) -> None:
    """No observed port is no evidence of anything; hand-made."""
    verdict = evaluate(check, OpenPorts(), Banners(), tcp(443))
    if check.id == "ports-only-declared":
        assert (verdict.outcome, verdict.cause) == (UNCLEAR, Cause.NOT_SELECTED)
    else:
        assert verdict.outcome is UNCLEAR


@pytest.mark.parametrize(
    "banner", [Banner(text="", protocol=ServiceProtocol.SILENT), Banner(text="?", protocol=ServiceProtocol.UNKNOWN)]
)
@pytest.mark.parametrize("check", ["no-cleartext-administration", "no-database-reachable", "no-file-sharing-reachable"])
def test_an_open_port_that_nothing_names_is_no_reason_to_pass(check: str, banner: Banner) -> None:
    """A database on a port of its own waits for its client in silence: nobody can say that none is there. Hand-made."""
    host = Scene("orderly")
    port = 15432
    ports = OpenPorts(
        spans=(*host.ports.spans, Span(first=port, last=port, state=Answer[PortState](seen=PortState.OPEN)))
    )
    banners = Banners(ports=(*host.banners.ports, PortBanner(port=port, banner=Answer[Banner](seen=banner))))
    verdict = evaluate(BY_ID[check], ports, banners, host.declared)
    assert (verdict.outcome, verdict.cause, verdict.measured) == (UNCLEAR, Cause.AMBIGUOUS, ("15432/tcp",))


def test_without_declared_ports_there_is_nothing_to_compare_with() -> None:
    """A host that the declaration does not list with ports makes no open port a fault, and none right."""
    ports = Scene("exposed").ports
    for declared in (Declared(), Declared(host_declared=True), Declared(ports=tcp(443).ports)):
        assert evaluate(BY_ID["ports-only-declared"], ports, declared).outcome is UNCLEAR
    assert evaluate(BY_ID["declared-ports-open"], ports, Declared(host_declared=True)).outcome is NONE


def test_port_80_counts_as_declared_beside_https_only() -> None:
    """Without an HTTPS endpoint on port 443, port 80 is not declared either: nothing else would judge it."""
    ports = Scene("redirecting").ports
    web = tcp(443).model_copy(update={"endpoints_here": ("https://shop.test/a",)})
    other = tcp(443).model_copy(update={"endpoints_here": ("https://shop.test:8443/", "tls://shop.test:443")})
    assert evaluate(BY_ID["ports-only-declared"], ports, web).outcome is PASS
    assert evaluate(BY_ID["ports-only-declared"], ports, other).measured == ("80/tcp (http)",)
    assert evaluate(BY_ID["ports-only-declared"], ports, tcp(443)).measured == ("80/tcp (http)",)
    assert evaluate(BY_ID["ports-only-declared"], ports, tcp(8443)).measured == ("80/tcp (http)", "443/tcp (https)")
    strict = BY_ID["ports-only-declared"](ports, web, beside_https=())
    assert strict.measured == ("80/tcp (http)",)


def test_a_verdict_names_what_it_saw() -> None:
    """Ports are named with number and service; a greeting on the port decides the name."""
    host = Scene("exposed")

    def measured(check: str) -> object:
        return evaluate(BY_ID[check], host.ports, host.banners, host.declared).measured

    assert measured("no-cleartext-administration") == ("21/tcp (ftp)", "23/tcp (telnet)", "5900/tcp (vnc)")
    assert measured("no-database-reachable") == ("3306/tcp (mysql)", "6379/tcp (redis)")
    assert measured("no-file-sharing-reachable") == ("873/tcp (rsync)", "2049/tcp (nfs)")
    assert measured("declared-ports-open") == ("9443/tcp (https)",)


def test_the_table_of_ports_has_source_and_date() -> None:
    """Facts about ports come with their provenance."""
    assert "IANA" in TABLE.source
    assert len(NOTABLE) > 100
