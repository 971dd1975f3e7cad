"""Skeletons load as they are, and the schemas accept them and every short form."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from inspector.declare import authorisation, declaration, settings, statement
from inspector.declare import document as documents
from inspector.declare import templates as skeleton
from inspector.declare.document.yaml import read_yaml
from inspector.declare.json_schema import DOCUMENTS, schema
from inspector.model.errors import UsageError
from inspector.model.subject import HOST, TCP, UDP, Scheme, UriForm, parse_uri

SCHEMES = {
    scheme.name: scheme for scheme in (HOST, TCP, UDP, Scheme("https", UriForm.PAGE, 443), Scheme("dns", UriForm.NAME))
}
ENDPOINTS = [
    parse_uri(text, SCHEMES)
    for text in ("https://www.example.vn/", "dns:example.vn", "udp://127.0.0.1:53", "https://[::1]:8443/a?b=1")
]
AWKWARD = 'Sở "Thông tin" \\ #: {a}\x7f\x85\u2028\t— 😀'


def check(document: str, data: Any) -> None:
    """Raise ValidationError unless the document's schema accepts the data."""
    Draft202012Validator(schema(document)).validate(data)


@pytest.mark.parametrize("endpoints", [ENDPOINTS, ENDPOINTS[1:2], ENDPOINTS[2:3]])
def test_a_skeleton_of_a_declaration_loads(tmp_path: Path, endpoints: list[Any]) -> None:
    """It contains the given answers, declares the ports of its services, and loads without diagnostics."""
    path = tmp_path / "declaration.yaml"
    path.write_text(
        skeleton.declaration(
            organisation=AWKWARD,
            systems=skeleton.system(system="portal", name=AWKWARD, owner=AWKWARD, level=4, endpoints=endpoints),
        )
    )
    found, _ = declaration.load(path, SCHEMES)
    [system] = found.systems
    assert (found.organisation.name, system.name, system.level) == (AWKWARD, AWKWARD, 4)
    assert sorted(system.endpoints) == sorted(map(str, endpoints))
    declared = {(host.name, port.port, port.protocol) for host in system.hosts for port in host.ports}
    assert declared == {
        (uri.host, uri.port, "udp" if uri.scheme is UDP else "tcp") for uri in endpoints if uri.port is not None
    }
    check("declaration", documents.read(path).data)


@pytest.mark.parametrize("contact", ["", AWKWARD])
def test_a_skeleton_of_an_authorisation_loads(tmp_path: Path, contact: str) -> None:
    """It covers the endpoints' hosts for 30 days, at polite rates, and loads without diagnostics."""
    at = datetime(2026, 11, 1, 8, 30, 15, 123000, tzinfo=UTC)
    path = tmp_path / "authorisation.yaml"
    path.write_text(skeleton.authorisation("portal", granted_by=AWKWARD, endpoints=ENDPOINTS, contact=contact, at=at))
    [permit] = authorisation.load(path)
    assert (permit.granted_by, permit.emergency_contact) == (AWKWARD, contact or None)
    assert permit.covers.names == ("example.vn", "www.example.vn")
    assert permit.covers.blocks == ("127.0.0.1/32", "::1/128")
    assert (permit.valid_until - permit.valid_from).days == 30
    assert permit.is_valid(at)
    assert permit.rates == authorisation.Rates()
    check("authorisation", documents.read(path).data)


def test_a_skeleton_of_statements_loads(tmp_path: Path) -> None:
    """It contains no statement, and loads without diagnostics."""
    path = tmp_path / "statements.yaml"
    path.write_text(skeleton.statements())
    assert statement.load(path) == ((), ())
    check("statements", documents.read(path).data)


def test_a_skeleton_of_settings_loads(tmp_path: Path) -> None:
    """It contains contact and vantage, and loads without diagnostics."""
    path = tmp_path / "inspector.toml"
    path.write_text(skeleton.settings(contact=AWKWARD, vantage="Hà Nội"))
    found = settings.load(path, {}, {})
    assert (found.contact, found.vantage.name) == (AWKWARD, "Hà Nội")
    check("settings", tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        skeleton.declaration(
            organisation="A", systems=skeleton.system(system="a", name="A", owner="A", level=1, endpoints=ENDPOINTS)
        ),
        skeleton.authorisation("portal", granted_by="A", endpoints=ENDPOINTS),
        skeleton.statements(),
        skeleton.settings(),
    ],
)
def test_a_skeleton_speaks_both_languages(text: str) -> None:
    """The first line says in Vietnamese and English what the document is."""
    first = text.splitlines()[0]
    assert first.startswith("# ")
    assert " / " in first
    assert not first.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_answered_is_quoted(text: str) -> None:
    """A text in quotes reads as itself in YAML and in TOML."""
    assert read_yaml(f"a: {skeleton.quoted(text)}\n", "f").data == {"a": text}
    assert tomllib.loads(f"a = {skeleton.quoted(text)}\n") == {"a": text}


# --- Schemas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", list(DOCUMENTS))
def test_a_schema_is_one(document: str) -> None:
    """Each schema keeps the rules of its dialect, and describes every part on one line."""
    result = schema(document)
    Draft202012Validator.check_schema(result)
    for part in [result, *result.get("$defs", {}).values()]:
        assert part["description"]
        assert "\n" not in part["description"]
        assert "``" not in part["description"]


def test_schemas_accept_the_short_forms() -> None:
    """What the loaders accept in short, editors do not complain about."""
    system = {"id": "a", "name": "A", "owner": "A", "level": 1}
    hosts = [{"name": "a.vn", "ports": [443, "22/tcp", "22", {"port": 1, "service": "x"}]}]
    measures = [{"clause": "7", "status": "inherited", "from": "B"}]
    whole = {"organisation": {"code": "A", "name": "A"}, "systems": [{**system, "hosts": hosts, "measures": measures}]}
    check("declaration", whole)
    permit = {
        "id": "a",
        "kind": "own-estate",
        "granted_by": "A",
        "covers": {"names": ["*.a.vn"], "ports": [443, "8000-8100", {"first": 1, "last": 2}]},
        "valid_from": "2026-01-01T00:00:00+07:00",
        "valid_until": "2026-02-01T00:00:00+07:00",
        "windows": [{"start": "22:00", "end": "05:30:00"}],
    }
    check("authorisation", permit)
    check("authorisation", [permit, permit])
    check("declaration", {**whole, "authorisation": permit})


@pytest.mark.parametrize(
    "change",
    [
        {"level": 6},
        {"levels": 1},
        {"hosts": [{"name": "a", "ports": ["22/sctp"]}]},
        {"hosts": [{"name": "a", "ports": [0]}]},
        {"measures": [{"clause": "7", "status": "done", "provider": "B"}]},
    ],
)
def test_a_schema_refuses_what_the_loader_refuses(change: dict[str, Any]) -> None:
    """Wrong levels, unknown keys and bad ports show in the editor already."""
    system = {"id": "a", "name": "A", "owner": "A", "level": 1, **change}
    with pytest.raises(ValidationError):
        check("declaration", {"organisation": {"code": "A", "name": "A"}, "systems": [system]})


BLOCK = skeleton.system(system="second", name=AWKWARD, owner="O", level=2, endpoints=ENDPOINTS, sweeps=["127.0.0.1"])
FIRST = "id: first, name: F, owner: O, level: 1, approval: {status: none}"


@pytest.mark.parametrize(
    "text",
    [
        f"organisation: {{code: A, name: A}}\nsystems:\n- {{{FIRST}}}\n",
        f"systems:  # all\n    - {{{FIRST}}}\n    # the last\norganisation: {{code: A, name: A}}\n",
        skeleton.declaration(
            organisation="A", systems=skeleton.system(system="first", name="F", owner="O", level=1, endpoints=ENDPOINTS)
        ),
    ],
)
def test_a_system_is_added_after_the_last_one(tmp_path: Path, text: str) -> None:
    """Whatever the indentation and whatever follows; the rest of the text stays."""
    path = tmp_path / "declaration.yaml"
    added = skeleton.with_system(text, BLOCK)
    assert added is not None
    path.write_text(added, encoding="utf-8")
    found, _ = declaration.load(path, SCHEMES)
    assert [each.id for each in found.systems] == ["first", "second"]
    assert "host:127.0.0.1" in found.systems[1].endpoints
    assert all(line in added.splitlines() for line in text.splitlines())


def test_a_list_in_another_form_is_left_alone() -> None:
    """A system is not added where the text would no longer be what its author meant."""
    assert skeleton.with_system(f"systems: [{{{FIRST}}}]\n", BLOCK) is None
    assert skeleton.with_system("organisation: {code: A, name: A}\n", BLOCK) is None


@pytest.mark.parametrize(
    ("text", "added"),
    [
        (skeleton.settings(contact="c"), True),
        ("", True),
        ('contact = "c"\n', True),
        ('[vantage]\nname = "a"\nkind = "ci"\n', False),
        ('vantage = {name = "a"}\n', False),
    ],
)
def test_a_vantage_is_stated_where_none_was(text: str, added: bool) -> None:
    """What somebody wrote about it stays."""
    changed = tomllib.loads(skeleton.with_vantage(text, AWKWARD, "inside"))
    assert (changed["vantage"] == {"name": AWKWARD, "kind": "inside"}) is added
    assert {**changed, "vantage": 0} == {**tomllib.loads(text), "vantage": 0}


def test_unknown_documents_are_refused() -> None:
    """Any other name is a usage error that lists them."""
    with pytest.raises(UsageError, match="write one of declaration, declaration-line, authorisation"):
        schema("letter")
