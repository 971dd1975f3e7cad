"""The view that every renderer shares: sorted, counted, placed and compared once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import pytest

from inspector import Answer, Cause, CommonCause, Language, Observation, Outcome, Renderer
from inspector.declare.declaration import Host
from inspector.declare.document import SourceLocation
from inspector.model.declared import DeclaredPort, Tenancy
from inspector.model.verdict import Message
from inspector.pipeline.reporting import render
from inspector.record.ledger_entry import LedgerEntry
from inspector.registry.registry import installed
from inspector.report.declared_vs_seen import PortSeen, has_port_states, transport_of
from inspector.report.findings_json import findings_json
from inspector.report.ledger_totals import totals as sum_totals
from inspector_reports.causes import followed_cause
from tests.reports import examples as specimens


def test_failures_come_first_and_the_gravest_first() -> None:
    """Both parts begin with what fails, then what could not be decided, then the rest."""
    view = specimens.view()
    outcomes = [each.outcome for each in view.binding]
    assert outcomes == sorted(outcomes, key=[Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_OBSERVABLE].index)
    assert [each.requirement for each in view.binding[:2]] == ["approval", "open-ports"]
    assert len(view.binding) + len(view.recommended) == len(view.assessment.findings)


def test_every_outcome_is_counted() -> None:
    """A count of zero is a count."""
    assert specimens.view().counts(()) == dict.fromkeys(Outcome, 0)
    assert specimens.view().counts()[Outcome.FAIL] == 6


def test_causes_are_counted_apart_from_what_follows() -> None:
    """Each cause is one group, with its failure if there is one; what follows is in no count of outcomes."""
    view = specimens.view()
    silent, explained = view.causes()
    assert (silent.cause, silent.failure, len(silent.followers)) == (specimens.SILENT, None, 3)
    assert explained.failure is not None
    assert (explained.failure.requirement, len(explained.followers)) == ("hint", 1)
    assert sum(view.counts().values()) + len(view.followers) == len(view.assessment.findings)
    assert replace(view, assessment=view.assessment.model_copy(update={"findings": ()})).causes() == ()


def test_a_cause_names_each_host_once() -> None:
    """The U-labels of the subject, and of a name in the failure that is the cause, stand in the sentence once each."""
    view, uri = specimens.view(), "https://xn--mnchen-3ya.example/"
    cause = CommonCause(subject=uri, cause=Cause.REFUSED, finding="f" * 32)
    failure = view.assessment.findings[0].model_copy(
        update={"id": "f" * 32, "message": Message(id="no {measured}", values={"measured": "xn--bcher-kva.example"})}
    )
    caused = replace(view, assessment=view.assessment.model_copy(update={"findings": (failure,)}))
    text = caused.cause_text(cause, Language.EN)
    assert [text.count(name) for name in ("münchen.example", "bücher.example")] == [1, 1]
    follower = failure.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "follows_from": cause})
    assert followed_cause(caused, follower, Language.EN).count("bücher.example") == 1


def test_declared_ports_are_compared_with_those_seen() -> None:
    """Declared and open, declared and closed, open and undeclared, and not seen are four different things."""
    legacy, portal = specimens.view().comparisons()
    assert (portal.host, portal.address, portal.tenancy) == ("portal.example.vn", "192.0.2.5", Tenancy.UNKNOWN)
    assert [(each.port, each.declared, each.state, each.differs) for each in portal.ports] == [
        ("80/tcp", True, "closed", True),
        ("443/tcp", True, "open", False),
        ("3306/tcp", False, "open", True),
    ]
    assert legacy.ports == (PortSeen(port="443/tcp", declared=True, cause=Cause.OUTSIDE_WINDOW),)
    assert not legacy.ports[0].differs


def test_the_port_states_of_shipped_observations_are_known() -> None:
    """The comparison knows them by their members, which a plugin may compute once or each time."""
    kinds = installed().kinds
    assert {name for name, kind in kinds.items() if has_port_states(kind)} == {
        name for name, kind in kinds.items() if hasattr(kind, "open") and hasattr(kind, "state")
    }
    assert {transport_of(kind) for kind in kinds.values() if has_port_states(kind)} == {"tcp", "udp"}


class UdpPorts(Observation):
    """Two UDP ports: one open, one closed."""

    kind: ClassVar[str] = "specimen-udp/1"
    transport: ClassVar[str] = "udp"

    @property
    def open(self) -> tuple[int, ...]:
        return (161,)

    def state(self, port: int) -> Answer[str]:
        return Answer[str](seen="open" if port == 161 else "closed")


def test_udp_ports_are_compared_beside_those_of_tcp() -> None:
    """The same number is another port over UDP; what only one of the two scans saw stays unseen in the other."""
    view = specimens.view()
    (tcp,) = [each for each in view.evidence.values() if each.kind == "specimen-ports/1" and each.facts]
    udp = tcp.model_copy(update={"probe": "udp", "kind": UdpPorts.kind, "facts": {}})
    registry = replace(view.registry, kinds={**view.registry.kinds, UdpPorts.kind: UdpPorts})
    host = Host(name="portal.example.vn", ports=(DeclaredPort.model_validate("443/udp"),))
    system = view.inspection.system.model_copy(update={"hosts": (host,)})
    inspection = view.inspection.model_copy(update={"system": system})
    both = replace(view, evidence={**view.evidence, "6" * 64: udp}, registry=registry, inspection=inspection)
    seen = {each.port: (each.declared, each.state) for each in both.comparisons()[-1].ports}
    assert seen == {
        "443/tcp": (True, "open"),
        "3306/tcp": (False, "open"),
        "443/udp": (True, "closed"),
        "161/udp": (False, "open"),
    }
    alone = replace(view, inspection=inspection).comparisons()[-1]
    assert [each.cause for each in alone.ports if each.port == "443/udp"] == [Cause.NOT_SELECTED]


def test_every_declared_endpoint_is_accounted_for() -> None:
    """An endpoint that was not scanned is listed without scans, one that was not seen with the cause."""
    seen = {each.uri: each for each in specimens.view().endpoints()}
    assert set(seen) == set(specimens.system().endpoints)
    assert (seen[specimens.PORTAL].scans, seen[specimens.PORTAL].seen) == (1, 1)
    assert seen[specimens.LEGACY].causes == (Cause.RESET,)
    assert seen[specimens.ADMIN].scans == 0


def test_a_finding_is_placed_where_its_endpoint_is_declared() -> None:
    """The endpoint's line, else the first line of the same file, else nowhere."""
    view = specimens.view()
    by_row = {each.requirement: each for each in view.assessment.findings if each.outcome is Outcome.FAIL}
    protocols, approval = view.position(by_row["protocols"]), view.position(by_row["approval"])
    assert protocols == specimens.PLACES[specimens.PORTAL]
    assert approval == SourceLocation(source="documents/khai báo.yaml", line=1, column=1)
    assert specimens.plain().position(by_row["protocols"]) is None


def test_endpoints_of_one_service_share_its_scans() -> None:
    """A scan of one endpoint counts for every other one at the same service, once."""
    made = specimens.inspection()
    both = (specimens.PORTAL, "https://portal.example.vn/tra-cuu")
    system = made.system.model_copy(update={"endpoints": both})
    seen = specimens.view(inspection=made.model_copy(update={"system": system})).endpoints()
    assert [(each.uri, each.scans, each.addresses) for each in seen] == [(uri, 1, ("192.0.2.5",)) for uri in both]


def test_the_ledger_is_summed_by_address_and_probe() -> None:
    """Targets and infrastructure are summed apart; the line of an ending adds its bytes, and is no connection."""
    entry = LedgerEntry(
        at=specimens.WHEN, address="192.0.2.5", port=443, protocol="tcp", probe="tls", subject="s",
        authorisation="a", sent=10, received=20,
    )  # fmt: skip
    asked = entry.model_copy(update={"infrastructure": True, "authorisation": None})
    ending = entry.model_copy(update={"questions": 0, "sent": 1, "received": 2})
    totals = sum_totals([entry, entry, asked, ending])
    assert [(each.connections, each.sent, each.received) for each in totals.targets] == [(2, 21, 42)]
    assert [(each.connections, each.authorisation) for each in totals.infrastructure] == [(1, None)]


def test_files_are_named_by_format_language_and_system() -> None:
    """A joining format gives one file; any other one for each system and language."""
    formats = {
        "page": Renderer("page", ".html", "text/html", lambda views, language: language.encode(), localised=True),
        "log": Renderer("log", ".sarif", "x", lambda views, _: str(len(views)).encode(), joins=True),
        "list": Renderer("list", ".json", "x", lambda views, _: b"", joins=True, stem="findings"),
    }
    registry = replace(specimens.registry(), renderers=formats)
    made = render([specimens.view()], formats, registry)
    assert made == {"report.vi.html": b"vi", "report.en.html": b"en", "report.sarif": b"1", "findings.json": b""}
    other = specimens.inspection()
    moved = other.model_copy(update={"system": other.system.model_copy(update={"id": "intranet"})})
    both = render([specimens.view(), specimens.view(inspection=moved)], formats, registry)
    assert set(both) == {
        "portal.report.vi.html", "portal.report.en.html", "intranet.report.vi.html", "intranet.report.en.html",
        "report.sarif", "findings.json",
    }  # fmt: skip
    assert both["report.sarif"] == b"2"


def test_a_assessment_from_elsewhere_breaks_nothing() -> None:
    """A finding with unknown row, check and evidence is still rendered."""
    view = specimens.view()
    strange = view.assessment.findings[2].model_copy(
        update={"requirement": "unheard-of", "check": "unknown", "message": Message(id="odd {thing}\x1b[2J")}
    )
    assessment = view.assessment.model_copy(update={"findings": (strange,), "requirements": ()})
    result = replace(view, assessment=assessment, evidence={})
    assert result.title(strange, Language.VI) == "unheard-of"
    assert result.translator(Language.EN).message(strange) == "odd {thing}\\x1b[2J"


@pytest.mark.parametrize(
    "character", ["\x1b", "\x9b", "\xad", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\U000e0101"]
)
def test_findings_hide_no_character(character: str) -> None:
    """Every invisible character is written out in JSON, also one that Python calls printable; diacritics stay."""
    view = specimens.view()
    first = view.assessment.findings[0].model_copy(update={"subject": f"https://ẩn{character}.vn/"})
    data = findings_json([replace(view, assessment=view.assessment.model_copy(update={"findings": (first,)}))])
    assert character.encode() not in data
    assert "ẩn".encode() in data
    assert json.loads(data)[0]["subject"] == first.subject
