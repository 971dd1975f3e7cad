"""An authorisation is loaded as written, or refused with located diagnostics."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector.declare.authorisation import (
    LOOPBACK_RATES,
    Authorisation,
    AuthorisationKind,
    PortRange,
    Rates,
    check_authorisations,
    each_once,
    is_loopback,
    load,
    own_estate,
    read,
)
from inspector.declare.document import SourceLocation
from inspector.model.errors import InputFileError
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import HOST, Scheme, UriForm, parse_uri

SCHEMES = {"host": HOST, "https": Scheme("https", UriForm.PAGE, 443)}

WHOLE = """\
id: QD-45
kind: inspection-decision
basis: Law 116/2025 Art 12
granted_by: Cục A05
document: {number: 45/QĐ, date: 2026-10-01, sha256: SHA}
emergency_contact: +84 24 1234 5678
covers:
  names: [WWW.example.vn., "*.Example.vn"]
  blocks: [203.0.113.7, 198.51.100.0/24, 2001:DB8::/32]
  ports: [443, "8000-8100", "22", {first: 1, last: 9}]
valid_from: 2026-11-01T00:00:00+07:00
valid_until: 2026-12-01T00:00:00+07:00
windows:
  - {days: [1, 5], start: "22:00", end: "05:30", timezone: Asia/Ho_Chi_Minh}
intrusiveness: intrusive
rates: {connections_per_second: 2, burst: 4, at_once: 1, port_questions_per_second: 50}
""".replace("SHA", "0" * 64)

LEAST = """\
id: a
kind: owner-request
granted_by: B
covers: {names: [a.vn]}
valid_from: 2026-11-01T00:00:00Z
valid_until: 2026-12-01T00:00:00Z
"""


def write(folder: Path, text: str) -> Path:
    """The path of a file with this text."""
    path = folder / "a.yaml"
    path.write_text(text)
    return path


def diagnostics(folder: Path, text: str) -> list[str]:
    """The diagnostics about this document, with the file's name for its path."""
    path = write(folder, text)
    with pytest.raises(InputFileError) as caught:
        load(path)
    return [str(diagnostic).replace(str(path), path.name) for diagnostic in caught.value.diagnostics]


# --- The file -------------------------------------------------------------------------------------------------------


def test_a_whole_authorisation_is_read(tmp_path: Path) -> None:
    """Names, blocks and ports come in their normal forms."""
    [permit] = load(write(tmp_path, WHOLE))
    assert (permit.kind, permit.intrusiveness) == (AuthorisationKind.INSPECTION_DECISION, Intrusiveness.INTRUSIVE)
    assert permit.covers.names == ("www.example.vn", "*.example.vn")
    assert permit.covers.blocks == ("203.0.113.7/32", "198.51.100.0/24", "2001:db8::/32")
    assert permit.covers.ports is not None
    assert [(ports.first, ports.last) for ports in permit.covers.ports] == [(443, 443), (8000, 8100), (22, 22), (1, 9)]
    assert 8100 in permit.covers.ports[1]
    assert 8101 not in permit.covers.ports[1]
    assert permit.document is not None
    assert permit.document.date.isoformat() == "2026-10-01"


def test_an_authorisation_survives_its_canonical_form(tmp_path: Path) -> None:
    """What is written to a bundle reads back as the same authorisation."""
    [permit] = load(write(tmp_path, WHOLE))
    assert Authorisation.parse(permit.canonical()) == permit


def test_a_file_may_hold_several(tmp_path: Path) -> None:
    """A list has one authorisation per item, each with its location."""
    item = "- " + LEAST.replace("\n", "\n  ").rstrip() + "\n"
    path = write(tmp_path, item + item.replace("id: a", "id: b"))
    found, source_map = read(path)
    assert [each.id for each in found] == ["a", "b"]
    assert source_map.authorisation("b") == SourceLocation(source=str(path), line=7, column=3)
    assert diagnostics(tmp_path, item + item) == ["a.yaml:7:7: 'a' is a duplicate, first on line 1; remove one of them"]


def test_an_empty_list_permits_nothing(tmp_path: Path) -> None:
    """A file without an authorisation is an error, not permission for nothing."""
    assert diagnostics(tmp_path, "[]\n") == ["a.yaml:1:1: the file lists no authorisation; write at least one"]


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        (
            "kind: owner-request",
            "kind: decree",
            "2:7: kind is 'decree'; write 'owner-request', 'inspection-decision', ",
        ),
        ("granted_by: B", "granted: B", "3:1: unknown key 'granted'; did you mean 'granted_by'?"),
        ("{names: [a.vn]}", "{}", "4:9: nothing is covered; list names or blocks"),
        ("{names: [a.vn]}", "{names: [], blocks: []}", "4:9: nothing is covered; list names or blocks"),
        ("[a.vn]", "['*']", "4:18: '*' is neither a domain name nor an IP address; check its spelling"),
        ("[a.vn]", "['a.*.vn']", "4:18: 'a.*.vn' is neither a domain name nor an IP address; check its spelling"),
        ("[a.vn]", "['*.*.vn']", "4:18: '*.vn' is neither a domain name nor an IP address; check its spelling"),
        ("[a.vn]", "[192.0.2.1]", "4:18: '192.0.2.1' is an address, not a name; list it under blocks"),
        (
            "names: [a.vn]",
            "blocks: [10.0.0.0/33]",
            "4:19: '10.0.0.0/33' is not an address block; write for example 203.",
        ),
        ("names: [a.vn]", "blocks: [a.vn]", "4:19: 'a.vn' is not an address block; write for example 203.0.113.0/24"),
        (
            "names: [a.vn]",
            "blocks: [10.0.0.5/24]",
            "4:19: '10.0.0.5/24' names an address inside a block; write 10.0.0.0/24, or the address alone",
        ),
        ("[a.vn]", "[a.vn], ports: [0]", "4:33: first is 0; write a whole number from 1 to 65535"),
        ("[a.vn]", "[a.vn], ports: [http]", "4:33: 'http' is not a range of ports; write 443 or \"8000-8100\""),
        ("[a.vn]", "[a.vn], ports: [9-1]", "4:33: the range ends before it begins; write the smaller port first"),
        ("[a.vn]", "[a.vn], ports: [true]", "4:33: an item of ports is true, not a mapping; write key: value lines"),
        ("2026-11-01T00:00:00Z", "2026-11-01", "5:13: valid_from is '2026-11-01', not an instant; write an instant"),
        (
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00",
            "5:13: valid_from is '2026-11-01T00:00:00', without a time zone; write an instant with its time zone, as ",
        ),
        (
            "2026-12-01T00:00:00Z",
            "2026-11-01T07:00:00+07:00",
            "6:14: valid_until is not after valid_from; correct one of them",
        ),
    ],
)
def test_a_wrong_value_is_located(tmp_path: Path, old: str, new: str, diagnostic: str) -> None:
    """Each diagnostic has the line and column of the wrong value, and says what to write."""
    found = diagnostics(tmp_path, LEAST.replace(old, new))
    assert found[-1].startswith(f"a.yaml:{diagnostic}") or found[0].startswith(f"a.yaml:{diagnostic}")


@pytest.mark.parametrize(
    ("line", "diagnostic"),
    [
        ("document: {number: 1/QĐ, date: 2026-10-01, sha256: ABC}", "7:52: sha256 is 'ABC'; write the 64 lower-case "),
        ("document: {number: 1/QĐ, date: October}", "7:32: date is 'October', not a date; write a date as 2026-01-31"),
        ("intrusiveness: gentle", "7:16: intrusiveness is 'gentle'; write 'passive', 'polite' or 'intrusive'"),
        ("rates: {burst: 0}", "7:16: burst is 0; write a whole number, at least 1"),
        (
            "rates: {connections_per_second: 9, burst: 8}",
            "7:43: burst is smaller than connections_per_second; raise it",
        ),
        (
            "rates: {connections_per_second: 11}",
            "7:8: burst is smaller than connections_per_second; raise it or lower ",
        ),
        ("windows: [{start: '22:00'}]", "7:11: end is missing; add end: …"),
        (
            "windows: [{start: 22:00, end: 25:00}]",
            "7:31: end is '25:00', not a time of day; write a time of day as 22:00",
        ),
        ("windows: [{start: 7, end: 8:00}]", "7:19: start is 7, not a time of day; write a time of day as 22:00"),
        (
            "windows: [{start: '22:00+07:00', end: '23:00'}]",
            "7:19: a window's hour has no time zone; write it as 22:00 and the zone under timezone",
        ),
        ("windows: [{start: '08:00', end: '08:00'}]", '7:33: the window ends when it starts; write "00:00" to "23:59:'),
        (
            "windows: [{start: '08:00', end: '09:00', timezone: Hanoi}]",
            "7:52: 'Hanoi' is not an IANA time zone; write for example Asia/Ho_Chi_Minh",
        ),
        (
            "windows: [{start: '08:00', end: '09:00', timezone: ../../etc/passwd}]",
            "7:52: '../../etc/passwd' is not an IANA time zone; write for example Asia/Ho_Chi_Minh",
        ),
        (
            "windows: [{days: [0], start: '08:00', end: '09:00'}]",
            "7:19: an item of days is 0; write a whole number from 1 to 7",
        ),
        ("windows: [{days: [], start: '08:00', end: '09:00'}]", "7:18: days is an empty list; add at least one item"),
    ],
)
def test_a_wrong_detail_is_located(tmp_path: Path, line: str, diagnostic: str) -> None:
    """So does each error of documents, rates and windows."""
    found = diagnostics(tmp_path, f"{LEAST}{line}\n")
    assert found[0].startswith(f"a.yaml:{diagnostic}")


def test_diagnostics_come_together(tmp_path: Path) -> None:
    """Errors of one authorisation do not hide those of the next."""
    text = "- {id: a, kind: x}\n- {covers: {}, valid_until: never}\n- 3\n"
    source_map = [diagnostic.split(": ")[0] for diagnostic in diagnostics(tmp_path, text)]
    assert [source_map.count(f"a.yaml:{line}") for line in ("1:3", "1:17", "2:3", "2:12", "2:29", "3:3")] == [
        4,
        1,
        4,
        1,
        1,
        1,
    ]


# --- Validity -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "diagnostic"),
    [
        (
            datetime(2026, 10, 31, tzinfo=UTC),
            "authorisation 'a' is not valid before 2026-11-01T00:00:00+00:00; wait until then",
        ),
        (datetime(2026, 11, 1, tzinfo=UTC), None),
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), None),
        (
            datetime(2026, 12, 1, tzinfo=UTC),
            "authorisation 'a' expired at 2026-12-01T00:00:00+00:00; ask the person who granted it for a new one",
        ),
    ],
)
def test_an_authorisation_holds_from_its_first_instant_up_to_its_last(
    tmp_path: Path, at: datetime, diagnostic: str | None
) -> None:
    """Before and after, it is an error at the place where the authorisation begins."""
    path = write(tmp_path, f"\n{LEAST}")
    permits, source_map = read(path)
    expected = [] if diagnostic is None else [f"{path}:2:1: {diagnostic}"]
    assert [str(each) for each in check_authorisations(permits, at, source_map)] == expected
    assert permits[0].is_valid(at) == (diagnostic is None)


def test_an_authorisation_without_a_place_is_named() -> None:
    """What came from no file is named by its id."""
    permit = own_estate([parse_uri("host:::1", SCHEMES)], "A", at=datetime(2026, 1, 1, tzinfo=UTC))
    [diagnostic] = check_authorisations([permit], datetime(2027, 1, 1, tzinfo=UTC))
    assert str(diagnostic).startswith(f"authorisation {permit.id}: authorisation '{permit.id}' expired at ")


# --- Own systems ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("0.0.0.0", False),
        ("::ffff:127.0.0.1", False),
        ("localhost.vn", False),
        ("127.0.0.1.vn", False),
    ],
)
def test_loopback_is_what_cannot_be_another_machine(host: str, is_one: bool) -> None:
    """Only 127.0.0.0/8, ::1 and the name localhost count."""
    assert is_loopback(host) is is_one


def test_an_own_systems_is_polite_unless_all_of_it_is_loopback() -> None:
    """One foreign target takes the loopback rates away; rates that are given are kept."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    here, there = (parse_uri(f"https://{host}/", SCHEMES) for host in ("127.0.0.1", "a.vn"))
    assert own_estate([here], "A").rates == LOOPBACK_RATES
    assert own_estate([here, there], "A").rates == Rates()
    assert own_estate([here, there], "A", rates=LOOPBACK_RATES).rates == LOOPBACK_RATES
    permit = own_estate([there, here, there], "A", ports=[PortRange(first=1, last=2)], at=at)
    assert (permit.covers.names, permit.covers.blocks) == (("a.vn",), ("127.0.0.1/32",))
    assert permit.covers.ports == (PortRange(first=1, last=2),)
    assert permit.valid_until - permit.valid_from == timedelta(hours=24)


def test_an_id_names_one_authorisation(tmp_path: Path) -> None:
    """Of two documents: equal ones count once; another one of the same id is refused with where both are written."""
    files = []
    for name, text in {
        "one": LEAST,
        "same": LEAST,
        "other": LEAST.replace("names: [a.vn]", "blocks: [203.0.113.0/24]"),
    }.items():
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(text)
    one, same, other = map(read, files)
    assert each_once([one, same]) == one[0]
    with pytest.raises(InputFileError) as raised:
        each_once([one, same, other])
    assert raised.value.text(str) == (
        f"{files[2]}:1:1: authorisation 'a' is not the one of the same id in {files[0]}:1:1; "
        "give each authorisation an id of its own, or leave one of them out"
    )
