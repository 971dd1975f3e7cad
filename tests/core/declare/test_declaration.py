"""The declaration is loaded completely or refused with located diagnostics."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector.declare.authorisation import LOOPBACK_RATES, AuthorisationKind, PortRange, Rates
from inspector.declare.declaration import Declaration, ad_hoc, load
from inspector.declare.document import SourceLocation
from inspector.model.declared import DeclaredPort, MeasureStatus, Stage, Tenancy
from inspector.model.errors import InputFileError, NotAuthorised, UsageError
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import HOST, TCP, UDP, Scheme, Uri, UriForm, parse_uri

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        HOST,
        TCP,
        UDP,
        Scheme("https", UriForm.PAGE, 443),
        Scheme("dns", UriForm.NAME),
        Scheme("mail", UriForm.NAME),
    )
}
AT = datetime(2026, 11, 1, 8, tzinfo=UTC)

WHOLE = """\
organisation:
  code: H00
  name: Sở Thông tin
  valid_from: 2026-01-01
  valid_until: 2026-12-31
systems:
  - id: portal
    name: Cổng thông tin điện tử
    owner: Sở Thông tin
    operator: Trung tâm
    level: 3
    stage: operating
    approval: {status: approved, decision: 12/QĐ, date: 2026-02-01, regime: vn-tt12-2022}
    plan: partial
    measures:
      - {clause: 7.2.1.7, status: done}
      - {clause: 7.2.2.2, status: inherited, from: VNPT}
    facts: {state_body: true, users: 12000, information: [public, personal]}
    hosts:
      - name: WWW.example.vn
        tenancy: dedicated
        ports: [443, "22/tcp", "53/udp", {port: 8443, service: https}]
      - name: 2001:DB8::1
    endpoints:
      - https://WWW.example.vn
      - dns:example.vn
    dkim_selectors: {Example.vn: [mail, "20161025"]}
  - {id: draft, name: N, owner: O, level: 1, stage: design}
"""

#: A minimal declaration; tests add lines below the system.
LEAST = """\
organisation: {code: H00, name: Sở}
systems:
  - id: portal
    name: Cổng
    owner: Sở
    level: 3
    approval: {status: none}
"""


def write(folder: Path, text: str) -> Path:
    """The path of a file with this text."""
    path = folder / "d.yaml"
    path.write_text(text)
    return path


def diagnostics(folder: Path, text: str) -> list[str]:
    """The diagnostics about this declaration, with the file's name for its path."""
    path = write(folder, text)
    with pytest.raises(InputFileError) as caught:
        load(path, SCHEMES)
    return [str(diagnostic).replace(str(path), path.name) for diagnostic in caught.value.diagnostics]


def uris(*texts: str) -> list[Uri]:
    """These endpoints."""
    return [parse_uri(text, SCHEMES) for text in texts]


# --- The file -------------------------------------------------------------------------------------------------------


def test_a_whole_declaration_is_read(tmp_path: Path) -> None:
    """Short forms become models, and hosts, endpoints and mail domains their normal forms."""
    declaration, _ = load(write(tmp_path, WHOLE), SCHEMES)
    portal, draft = declaration.systems
    assert portal.endpoints == ("https://www.example.vn/", "dns:example.vn")
    assert [host.name for host in portal.hosts] == ["www.example.vn", "2001:db8::1"]
    assert portal.hosts[0].tenancy is Tenancy.DEDICATED
    assert portal.hosts[0].ports == (
        DeclaredPort(port=443),
        DeclaredPort(port=22),
        DeclaredPort(port=53, protocol="udp"),
        DeclaredPort(port=8443, service="https"),
    )
    assert portal.dkim_selectors == {"example.vn": ("mail", "20161025")}
    assert (portal.measures[1].status, portal.measures[1].provider) == (MeasureStatus.INHERITED, "VNPT")
    assert draft.stage is Stage.DESIGN


def test_a_declaration_survives_its_canonical_form(tmp_path: Path) -> None:
    """What is written to a bundle reads back as the same declaration."""
    declaration, _ = load(write(tmp_path, WHOLE), SCHEMES)
    assert Declaration.parse(declaration.canonical()) == declaration


def test_places_point_at_what_is_declared(tmp_path: Path) -> None:
    """Systems, hosts and endpoints are found at their line and column, by their normal form."""
    path = write(tmp_path, WHOLE)
    _, source_map = load(path, SCHEMES)
    assert source_map.system("portal") == SourceLocation(source=str(path), line=7, column=5)
    assert source_map.host("portal", "www.example.vn") == SourceLocation(source=str(path), line=20, column=15)
    assert source_map.endpoint("portal", "https://www.example.vn/") == SourceLocation(
        source=str(path), line=25, column=9
    )
    assert source_map.endpoint("portal", "https://elsewhere.vn/") is None
    assert set(source_map.endpoints("portal")) == {"https://www.example.vn/", "dns:example.vn"}


@pytest.mark.parametrize(
    ("lines", "diagnostic"),
    [
        ("    levels: 3", "d.yaml:8:5: unknown key 'levels'; did you mean 'level'?"),
        ("    name: again", "d.yaml:8:5: duplicate key 'name', first on line 4; remove one of them"),
        (
            "    endpoints: [htps://a/]",
            "d.yaml:8:17: scheme 'htps' is not known; did you mean https://?",
        ),
        ("    endpoints: [7]", "d.yaml:8:17: an item of endpoints is 7, not text; put it in quotes"),
        (
            "    endpoints: dns:a",
            "d.yaml:8:16: endpoints is 'dns:a', not a list; write each item on a line of its own after '- '",
        ),
        (
            "    endpoints: ['https://a:443', 'https://A/']",
            "d.yaml:8:34: 'https://a/' is a duplicate, first on line 8; remove one of them",
        ),
        (
            "    hosts: [{name: a b}]",
            "d.yaml:8:20: 'a b' is neither a domain name nor an IP address; check its spelling",
        ),
        (
            "    hosts: [{name: a.vn}, {name: A.vn.}]",
            "d.yaml:8:34: 'a.vn' is a duplicate, first on line 8; remove one of them",
        ),
        (
            "    hosts: [{name: a, ports: [22, 22/tcp]}]",
            "d.yaml:8:35: '22/tcp' is a duplicate, first on line 8; remove one of them",
        ),
        ("    hosts: [{name: a, ports: [0]}]", "d.yaml:8:31: port is 0; write a whole number from 1 to 65535"),
        (
            "    hosts: [{name: a, ports: [22/sctp]}]",
            "d.yaml:8:31: '22/sctp' is not a port; write 443, \"53/udp\" or {port: 22, service: ssh}",
        ),
        (
            "    hosts: [{name: a, tenancy: rented}]",
            "d.yaml:8:32: tenancy is 'rented'; write 'dedicated', 'shared', 'cdn' or 'unknown'",
        ),
        (
            "    measures: [{clause: '7', status: finished}]",
            "d.yaml:8:38: status is 'finished'; write 'planned', 'partial', 'done', 'equivalent' or 'inherited'",
        ),
        ("    measures: [{clause: 7.1, status: done}]", "d.yaml:8:25: clause is 7.1, not text; put it in quotes"),
        ("    plan: half", "d.yaml:8:11: plan is 'half'; write 'not-started', 'partial' or 'full'"),
        ("    facts: {users: -1}", "d.yaml:8:20: users is -1; write a whole number, at least 0"),
        ("    facts: {state_body: yes}", "d.yaml:8:25: state_body is 'yes'; write true or false"),
        (
            "    facts: {information: [secret]}",
            "d.yaml:8:27: an item of information is 'secret'; write 'public', 'private',",
        ),
        ("    dkim_selectors: {a.vn: ['*']}", "d.yaml:8:29: an item of a.vn is '*'; write the name before ._domainkey"),
        (
            "    dkim_selectors: {a..vn: [a]}",
            "d.yaml:8:29: 'a..vn' is neither a domain name nor an IP address; check its spelling",
        ),
        ("    operator:\n    owners: x", "d.yaml:9:5: unknown key 'owners'; did you mean 'owner'?"),
    ],
)
def test_a_diagnostic_of_a_system_is_located(tmp_path: Path, lines: str, diagnostic: str) -> None:
    """Each diagnostic has the line and column of the wrong value, and says what to write."""
    [found] = diagnostics(tmp_path, f"{LEAST}{lines}\n")
    assert found.startswith(diagnostic)


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        ("level: 3", "level: 6", "d.yaml:6:12: level is 6; write a whole number from 1 to 5"),
        ("level: 3", "level: '3'", "d.yaml:6:12: level is '3', not a whole number; write a whole number from 1 to 5"),
        ("level: 3", "level: true", "d.yaml:6:12: level is true, not a whole number; write a whole number from 1 to 5"),
        ("level: 3", "stage: design", "d.yaml:3:5: level is missing; add level: …"),
        (
            "id: portal",
            "id: cổng",
            "d.yaml:3:9: id is 'cổng'; write 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first",
        ),
        ("owner: Sở", "owner:", "d.yaml:5:5: owner is empty; write it out"),
        (
            "status: none",
            "status: lost",
            "d.yaml:7:24: status is 'lost'; write 'none', 'drafting', 'submitted', 'appraised' or 'approved'",
        ),
        (
            "status: none",
            "status: approved",
            "d.yaml:7:15: an approval is given without its date; add date: … of the decision",
        ),
        (
            "status: none",
            "status: approved, date: 31/01/2026",
            "d.yaml:7:40: date is '31/01/2026', not a date; write a date as 2026-01-31",
        ),
        (
            "status: none",
            "status: approved, date: 2026-02-30",
            "d.yaml:7:40: date is '2026-02-30', not a date; write a date as 2026-01-31",
        ),
        ("code: H00", "code: 00", "d.yaml:1:22: code is 0, not text; put it in quotes"),
        (
            "code: H00",
            "code: H, valid_from: 2026-02-01, valid_until: 2026-01-01",
            "d.yaml:1:62: valid_until is before valid_from; correct one of them",
        ),
    ],
)
def test_a_wrong_value_is_located(tmp_path: Path, old: str, new: str, diagnostic: str) -> None:
    """An impossible value is reported with its location."""
    assert diagnostics(tmp_path, LEAST.replace(old, new)) == [diagnostic]


@pytest.mark.parametrize("stage", ["", "stage: operating, ", "stage: upgrade, "])
@pytest.mark.parametrize("approval", ["", ", approval: "])
def test_a_level_needs_the_facts_of_its_approval(tmp_path: Path, stage: str, approval: str) -> None:
    """An operating system must declare whether its level was approved; ``none``: there is no dossier."""
    text = (
        f"organisation: {{code: H, name: S}}\nsystems:\n  - {{{stage}id: a, name: N, owner: O, level: 2{approval}}}\n"
    )
    column = text.splitlines()[2].index("level: 2") + 8
    [diagnostic] = diagnostics(tmp_path, text)
    assert diagnostic == (
        f"d.yaml:3:{column}: level 2 is given without approval facts; write approval: {{status: approved, decision: …, "
        "date: …}, or {status: none} if there is no dossier"
    )


@pytest.mark.parametrize("stage", ["design", "build", "retired"])
def test_a_system_that_does_not_work_needs_no_approval(tmp_path: Path, stage: str) -> None:
    """Before it operates and after it retires, a system may be declared without approval facts."""
    text = LEAST.replace("approval: {status: none}", f"stage: {stage}")
    declaration, _ = load(write(tmp_path, text), SCHEMES)
    assert declaration.systems[0].approval is None


def test_system_ids_are_unique(tmp_path: Path) -> None:
    """An id that a system has already is an error at its second place."""
    again = LEAST + "  - {id: portal, name: N, owner: O, level: 1, stage: build}\n"
    assert diagnostics(tmp_path, again) == ["d.yaml:8:10: 'portal' is a duplicate, first on line 3; remove one of them"]


def test_no_system_is_no_declaration(tmp_path: Path) -> None:
    """A declaration declares at least one system."""
    text = "organisation: {code: H, name: S}\nsystems: []\n"
    assert diagnostics(tmp_path, text) == ["d.yaml:2:10: systems is an empty list; add at least one item"]


def test_diagnostics_of_form_and_of_rules_come_together(tmp_path: Path) -> None:
    """A wrong level does not hide a bad endpoint, a duplicate host or a missing organisation."""
    text = """\
systems:
  - id: a
    level: 9
    hosts: [{name: x}, {name: x}]
    endpoints: [nowhere]
  - id: a
    hosts: 3
  - 7
authorisation: {kind: owner-request}
"""
    found = diagnostics(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == [
        "d.yaml:1:1",
        "d.yaml:2:5",
        "d.yaml:2:5",
        "d.yaml:3:12",
        "d.yaml:3:12",
        "d.yaml:4:31",
        "d.yaml:5:17",
        "d.yaml:6:5",
        "d.yaml:6:5",
        "d.yaml:6:5",
        "d.yaml:6:9",
        "d.yaml:7:12",
        "d.yaml:8:5",
        *["d.yaml:9:16"] * 5,
        "d.yaml:9:23",
    ]


INLINE = """\
authorisation:
  id: a
  kind: {kind}
  granted_by: B
  covers: {{names: [a.vn]}}
  valid_from: 2026-01-01T00:00:00+07:00
  valid_until: 2026-12-31T00:00:00+07:00
"""


def test_an_own_systems_authorisation_may_stand_inside(tmp_path: Path) -> None:
    """The declaration may contain the owner's authorisation for its own systems."""
    path = write(tmp_path, LEAST + INLINE.format(kind="own-estate"))
    declaration, source_map = load(path, SCHEMES)
    assert declaration.authorisation is not None
    assert declaration.authorisation.kind is AuthorisationKind.OWN_ESTATE
    assert source_map.authorisation("a") == SourceLocation(source=str(path), line=9, column=3)


@pytest.mark.parametrize("kind", ["owner-request", "inspection-decision", "self-inspection"])
def test_no_other_authorisation_may_stand_inside(tmp_path: Path, kind: str) -> None:
    """An authorisation that another side must grant cannot be part of the declaration, whose author is the owner."""
    [diagnostic] = diagnostics(tmp_path, LEAST + INLINE.format(kind=kind))
    assert diagnostic == (
        f"d.yaml:10:9: an authorisation of kind {kind} cannot be part of the declaration, whose author is the owner; "
        "put it in a document of its own, signed by the person who grants it; only own-estate is allowed here"
    )


def test_what_is_declared_of_a_host_is_separate_from_the_rest(tmp_path: Path) -> None:
    """Checks about a host see its ports, those about a system see all; a host that is not listed is not declared."""
    portal = load(write(tmp_path, WHOLE), SCHEMES)[0].systems[0]
    assert [str(port) for port in portal.declared("www.example.vn").ports] == [
        "22/tcp",
        "443/tcp",
        "8443/tcp",
        "53/udp",
    ]
    assert portal.declared("2001:db8::1").host_declared
    assert portal.declared("2001:db8::1").ports == ()
    assert not portal.declared("other.vn").host_declared
    assert portal.declared("example.vn").selectors == ("mail", "20161025")
    assert len(portal.declared().ports) == 4


# --- Without files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1:8443/", "https://[::1]/", "https://localhost/", "tcp://127.8.9.1:1"]
)
def test_loopback_needs_no_authoriser(target: str) -> None:
    """What can only be this machine gets an own-estate authorisation of itself, at rates fit for tests."""
    declaration, permit = ad_hoc(uris(target), 3, None, at=AT)
    [system] = declaration.systems
    assert (system.level, system.approval, system.endpoints) == (3, None, (target,))
    assert (permit.kind, permit.intrusiveness, permit.rates) == (
        AuthorisationKind.OWN_ESTATE,
        Intrusiveness.POLITE,
        LOOPBACK_RATES,
    )
    assert permit.covers.names == ()
    assert permit.covers.blocks
    assert permit.is_valid(AT)
    assert permit.is_valid(AT + timedelta(hours=23))
    assert not permit.is_valid(AT + timedelta(hours=24))


def test_localhost_never_means_another_machine() -> None:
    """The name localhost is covered as the loopback addresses, whatever it resolves to."""
    assert ad_hoc(uris("https://localhost/"), 1, None)[1].covers.blocks == ("127.0.0.0/8", "::1/128")


@pytest.mark.parametrize("authoriser", [None, "", "  "])
def test_any_other_target_needs_an_authoriser(authoriser: str | None) -> None:
    """One target that is not loopback is enough to ask who authorises."""
    with pytest.raises(NotAuthorised) as caught:
        ad_hoc(uris("https://127.0.0.1/", "https://a.vn/", "https://128.0.0.1/"), 3, authoriser)
    assert str(caught.value) == (
        "no authoriser is named for the inspection of 128.0.0.1, a.vn; "
        'name the person responsible: --authorised-by "NAME, POSITION"'
    )


def test_who_authorises_is_written_down() -> None:
    """Names are covered as names, addresses as blocks, at the default rates, by the named person."""
    ranges = (PortRange(first=443, last=443),)
    declaration, permit = ad_hoc(uris("https://a.vn/x", "dns:a.vn", "https://[2001:db8::1]/"), 2, " Bà C ", ranges)
    assert permit.granted_by == declaration.systems[0].owner == "Bà C"
    assert permit.covers.names == ("a.vn",)
    assert permit.covers.blocks == ("2001:db8::1/128",)
    assert permit.covers.ports == ranges
    assert permit.rates == Rates()
    assert declaration.systems[0].id == "a.vn"


@pytest.mark.parametrize(
    ("target", "name"),
    [("https://[::1]:8443/", "1"), ("host:a_b.vn", "a_b.vn"), ("host:" + "a." * 60 + "vn", ("a." * 32).rstrip("."))],
)
def test_an_ad_hoc_system_is_called_after_its_host(target: str, name: str) -> None:
    """The id is made of the host, cut to what an id may be."""
    assert ad_hoc(uris(target), 1, "A")[0].systems[0].id.rstrip(".") == name


@pytest.mark.parametrize("level", [0, 6, -1])
def test_an_ad_hoc_level_exists(level: int) -> None:
    """A level outside 1 to 5 is a usage error."""
    with pytest.raises(UsageError, match="give a level from 1 to 5"):
        ad_hoc(uris("https://127.0.0.1/"), level, None)


def test_nothing_is_no_target() -> None:
    """An inspection needs at least one endpoint."""
    with pytest.raises(UsageError, match="name an endpoint"):
        ad_hoc([], 3, "A")
