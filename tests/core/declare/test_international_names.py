"""A name of another script means one domain in every document: that of IDNA 2008."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspector.declare import authorisation, settings, statement
from inspector.declare.declaration import ad_hoc, load
from inspector.model.errors import InputFileError
from inspector.model.subject import HOST, Scheme, UriForm, parse_uri

SCHEMES = {each.name: each for each in (HOST, Scheme("https", UriForm.PAGE, 443), Scheme("mail", UriForm.NAME))}
AT = datetime(2026, 11, 1, 8, tzinfo=UTC)
DECLARATION = """\
organisation: {{code: C, name: N}}
systems:
  - id: s
    name: S
    owner: O
    level: 1
    stage: design
    hosts: [{{name: "{name}", ports: [443]}}]
    endpoints: ["https://{name}/", "mail:{name}"]
    dkim_selectors: {{"{name}": [mail]}}
"""
AUTHORISATION = """\
id: a
kind: owner-request
granted_by: A
covers: {{names: ["{name}", "*.{name}"]}}
valid_from: 2026-01-01T00:00:00+07:00
valid_until: 2026-12-31T00:00:00+07:00
"""
STATEMENTS = """\
statements:
  - {{kind: disputed, system: s, requirement: r, subject: "{subject}", reason: x, author: A}}
"""


def write(folder: Path, name: str, text: str) -> Path:
    """The path of a file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("written", "name"), [("Straße.test", "xn--strae-oqa.test"), ("ΒΌΛΟΣ。test", "xn--nxasmq6b.test")]
)
def test_a_declared_and_an_authorised_name_are_the_same_domain(tmp_path: Path, written: str, name: str) -> None:
    """Hosts, endpoints, selectors and covered names have the same A-labels."""
    declaration, _ = load(write(tmp_path, "d.yaml", DECLARATION.format(name=written)), SCHEMES)
    (system,) = declaration.systems
    assert [host.name for host in system.hosts] == [name]
    assert system.endpoints == (f"https://{name}/", f"mail:{name}")
    assert list(system.dkim_selectors) == [name]
    (granted,), _ = authorisation.read(write(tmp_path, "a.yaml", AUTHORISATION.format(name=written)))
    assert granted.covers.names == (name, f"*.{name}")


def test_endpoints_of_the_command_line_are_covered_as_a_labels() -> None:
    """The authorisation that is made for them names the same domain."""
    declaration, granted = ad_hoc([parse_uri("https://straße.test/", SCHEMES)], 1, "A", at=AT)
    assert declaration.systems[0].endpoints == ("https://xn--strae-oqa.test/",)
    assert declaration.systems[0].name == "xn--strae-oqa.test (straße.test)"
    assert granted.covers.names == ("xn--strae-oqa.test",)


def test_a_name_that_is_none_is_a_located_error(tmp_path: Path) -> None:
    """The diagnostic stands at the value, in each document, and says what to do."""
    path = write(tmp_path, "d.yaml", DECLARATION.format(name="xn--zz.test"))
    with pytest.raises(InputFileError) as caught:
        load(path, SCHEMES)
    lines = [str(each) for each in caught.value.diagnostics]
    what = "has a label that is no A-label of IDNA 2008, 'xn--zz'; check its spelling"
    assert f"{path}:9:17: 'xn--zz.test' {what}" in lines
    assert any(line.startswith(f"{path}:8:20: ") and line.endswith(what) for line in lines)
    path = write(tmp_path, "a.yaml", AUTHORISATION.format(name="i❤.test"))
    with pytest.raises(InputFileError, match=r"a.yaml:4:18: .*that IDNA 2008 does not allow in its place; "):
        authorisation.read(path)


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("mail:straße.test", "mail:xn--strae-oqa.test"),
        ("HTTPS://Straße.test/", "https://xn--strae-oqa.test/"),
        ("HTTPS://Straße.test:443", "https://xn--strae-oqa.test"),
        ("ns://ns.straße.test/a", "ns://ns.straße.test/a"),
        ("system:", "system:"),
    ],
)
def test_the_subject_of_a_statement_is_that_of_the_finding(tmp_path: Path, written: str, subject: str) -> None:
    """It is normalised like an endpoint, unless no installed plugin knows its scheme."""
    path = write(tmp_path, "s.yaml", STATEMENTS.format(subject=written))
    (found,), _ = statement.load(path, schemes=SCHEMES)
    assert found.subject == subject


def test_a_subject_that_is_none_is_a_located_error(tmp_path: Path) -> None:
    """A statement about nothing would have no effect in silence."""
    path = write(tmp_path, "s.yaml", STATEMENTS.format(subject="mail:a b"))
    with pytest.raises(InputFileError, match=r"s.yaml:2:58: 'a b' is neither a domain name nor an IP address; check"):
        statement.load(path, schemes=SCHEMES)


def test_the_zone_of_a_trust_anchor_has_a_labels(tmp_path: Path) -> None:
    """Otherwise keys of one zone would be trusted for another."""
    rest = "IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
    path = write(tmp_path, "inspector.toml", f'dnssec_anchors = ["straße.test. {rest}", "Test. {rest}"]\n')
    assert settings.load(path, {}, {}).dnssec_anchors == (f"xn--strae-oqa.test. {rest}", f"Test. {rest}")
    path = write(tmp_path, "inspector.toml", f'dnssec_anchors = ["i❤.test. {rest}"]\n')
    with pytest.raises(InputFileError, match=r"inspector.toml:1:18: .*IDNA 2008 does not allow"):
        settings.load(path, {}, {})
