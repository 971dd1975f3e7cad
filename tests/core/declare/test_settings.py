"""Settings come from a file, then variables, then flags; each error names where it was written."""

from pathlib import Path

import pytest

from inspector.cli.inputs import read_settings
from inspector.declare.settings import FOLDER_KEYS, Ceilings, Settings, Vantage, VantageKind, load
from inspector.model.errors import InputFileError

WHOLE = """\
contact = "thanh-tra@example.vn"
resolvers = ["192.0.2.53", "[2001:db8::53]:5353"]
trust_roots = ["roots", "/etc/roots"]
dnssec_anchors = [". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"]
inspectors = ["Trần Thị B"]
output = "results"

[vantage]
name = "Hà Nội"
kind = "inside"

[ceilings]
connections = 100
"""


def write(folder: Path, text: str) -> Path:
    """The path of a file with this text."""
    path = folder / "inspector.toml"
    path.write_text(text)
    return path


def diagnostics(
    folder: Path, text: str = "", environment: dict[str, str] | None = None, overrides: dict[str, object] | None = None
) -> list[str]:
    """The diagnostics about these settings, with the file's name for its path."""
    path = write(folder, text)
    with pytest.raises(InputFileError) as caught:
        load(path, environment or {}, overrides or {})
    return [str(diagnostic).replace(str(path), path.name) for diagnostic in caught.value.diagnostics]


def test_without_anything_settings_have_defaults() -> None:
    """No file, no variables and no flags give the defaults; other variables are not ours."""
    assert load(None, {"PATH": "/bin", "INSPECTORS": "x"}, {"output": None}) == Settings()


def test_a_file_is_read_and_its_paths_are_beside_it(tmp_path: Path) -> None:
    """Relative paths in the file are relative to its folder."""
    settings = load(write(tmp_path, WHOLE), {}, {})
    assert settings.vantage == Vantage(name="Hà Nội", kind=VantageKind.INSIDE)
    assert settings.ceilings == Ceilings(connections=100)
    assert settings.trust_roots == (tmp_path / "roots", Path("/etc/roots"))
    assert settings.output == tmp_path / "results"
    assert settings.inspectors == ("Trần Thị B",)


def test_variables_win_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    """Each source changes only what it names."""
    path = write(tmp_path, WHOLE)
    environment = {
        "INSPECTOR_CONTACT": "b@example.vn",
        "INSPECTOR_OUTPUT": "/var/b",
        "INSPECTOR_VANTAGE__KIND": "ci",
        "INSPECTOR_CEILINGS__SCANS": "7",
    }
    settings = load(path, environment, {"output": Path("c"), "vantage.name": "C", "contact": None})
    assert settings.contact == "b@example.vn"
    assert settings.output == Path("c")
    assert settings.vantage == Vantage(name="C", kind=VantageKind.CI)
    assert settings.ceilings == Ceilings(connections=100, scans=7)


def test_a_variable_holds_a_list_with_commas() -> None:
    """A list is written with commas; an empty one is empty; any other empty variable is as good as unset."""
    environment = {"INSPECTOR_RESOLVERS": "192.0.2.1, 192.0.2.2:53", "INSPECTOR_NMAP_SEARCH_PATH": ""}
    settings = load(None, {**environment, "INSPECTOR_OUTPUT": "", "INSPECTOR_PUBLIC_ROOTS": ""}, {})
    assert settings.resolvers == ("192.0.2.1", "192.0.2.2:53")
    assert settings.nmap_search_path == ()
    assert (settings.output, settings.public_roots) == (Path("out"), None)


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("contact = \n", "inspector.toml:1:11: not TOML: Invalid value; repair the syntax here"),
        ('contact = "a', "inspector.toml:1:13: not TOML: Unterminated string; repair the syntax here"),
        ("a = 1\na = 2\n", "inspector.toml:2:6: not TOML: Cannot overwrite a value; repair the syntax here"),
        ('\n  contct = "a"\n', "inspector.toml:2:3: unknown key 'contct'; did you mean 'contact'?"),
        ("contact = 1\n", "inspector.toml:1:11: contact is 1, not text; put it in quotes"),
        ("contact = 2026-01-01\n[vantage]\nkind = 1979-05-27\n", "inspector.toml:3:8: kind is '1979-05-27'; write "),
        ('[vantage]\nname = "a"\nkind = "moon"\n', "inspector.toml:3:8: kind is 'moon'; write 'unknown', 'internet', "),
        (
            'vantage.kind = "moon"\n',
            "inspector.toml:1:16: kind is 'moon'; write 'unknown', 'internet', 'partner', 'inside' or 'ci'",
        ),
        ('vantage = {kind = "moon"}\n', "inspector.toml:1:11: kind is 'moon'; write 'unknown', 'internet', "),
        ("[ceilings]\n# more\nscans = 0\n", "inspector.toml:3:9: scans is 0; write a whole number, at least 1"),
        ("[ceilings]\nscans = true\n", "inspector.toml:2:9: scans is true, not a whole number; write a whole number, "),
        ('resolvers = ["a"]\n', "inspector.toml:1:13: 'a' is not a resolver; write 192.0.2.53, 192.0.2.53:5353 or ["),
        ('root_servers = ["a"]\n', "inspector.toml:1:16: 'a' is not a root server; write iana alone, or 198.41.0.4"),
        (
            'root_servers = ["iana", "192.0.2.1"]\n',
            "inspector.toml:1:16: 'iana' stands for all root servers; write it ",
        ),
        ('resolvers = ["1.1.1.1:0"]\n', "inspector.toml:1:13: '1.1.1.1:0' is not a resolver; write "),
        ('trusted_signers = ["AB"]\n', "inspector.toml:1:19: an item of trusted_signers is 'AB'; write a key id: 64 "),
        (
            'dnssec_anchors = ["x"]\n',
            "inspector.toml:1:18: an item of dnssec_anchors is 'x'; write a DS or DNSKEY line",
        ),
        ("[[vantage]]\n", "inspector.toml:1:1: vantage is a list, not a mapping; write key: value lines"),
    ],
)
def test_a_diagnostic_of_the_file_is_located(tmp_path: Path, text: str, diagnostic: str) -> None:
    """Each diagnostic has line and column, and says what to write."""
    [found] = diagnostics(tmp_path, text)
    assert found.startswith(diagnostic)


@pytest.mark.parametrize(
    ("variable", "value", "diagnostic"),
    [
        ("INSPECTOR_CONTCT", "a", "INSPECTOR_CONTCT: unknown key 'contct'; did you mean 'contact'?"),
        ("INSPECTOR_VANTAGE__KID", "a", "INSPECTOR_VANTAGE__KID: unknown key 'kid'; did you mean 'kind'?"),
        ("INSPECTOR_VANTAGE__KIND", "moon", "INSPECTOR_VANTAGE__KIND: kind is 'moon'; write 'unknown', 'internet', "),
        ("INSPECTOR_VANTAGE", "moon", "INSPECTOR_VANTAGE: vantage is 'moon', not a mapping; write key: value lines"),
        ("INSPECTOR_CEILINGS__SCANS", "many", "INSPECTOR_CEILINGS__SCANS: scans is 'many', not a whole number; write "),
        (
            "INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND",
            "9000",
            "INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND: resolver_questions_per_second is '9000'; write ",
        ),
        (
            "INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND",
            "0",
            "INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND: resolver_questions_per_second is '0'; write ",
        ),
        ("INSPECTOR_RESOLVERS", "a,b", "INSPECTOR_RESOLVERS: 'a' is not a resolver; write 192.0.2.53, "),
    ],
)
def test_a_diagnostic_of_a_variable_names_it(tmp_path: Path, variable: str, value: str, diagnostic: str) -> None:
    """A misspelt or wrong variable is never silently ignored."""
    assert diagnostics(tmp_path, "", {variable: value})[0].startswith(diagnostic)


def test_diagnostics_of_all_sources_come_together(tmp_path: Path) -> None:
    """File, variables and flags are all scanned before anything is refused."""
    assert [
        diagnostic.partition(": ")[0]
        for diagnostic in diagnostics(
            tmp_path, "[ceilings]\nscans = 0\nscan = 1\n", {"INSPECTOR_X": "1"}, {"vantage.kind": "moon", "output": 3}
        )
    ] == ["inspector.toml:2:9", "inspector.toml:3:1", "INSPECTOR_X", "--vantage-kind", "--output"]


def test_settings_survive_their_canonical_form(tmp_path: Path) -> None:
    """What is recorded reads back as the same settings."""
    settings = load(write(tmp_path, WHOLE), {}, {})
    assert Settings.parse(settings.canonical()) == settings


def test_the_database_is_a_url_or_a_file_and_recorded_nowhere(tmp_path: Path) -> None:
    """A path is relative to the settings; no form of the settings and no diagnostic shows what was written."""
    url = "postgresql://u:secret@h/d"
    for text, expected in ((url, url), ("database.url", str(tmp_path / "database.url"))):
        settings = load(write(tmp_path, f'database = "{text}"\n'), {}, {})
        assert settings.database is not None
        assert settings.database.get_secret_value() == expected
        assert text not in repr(settings)
        assert text.encode() not in settings.canonical()
        assert Settings.parse(settings.canonical()).database is None
    refused = diagnostics(tmp_path, 'database = "mysql://u:secret@h/d"\n', {"INSPECTOR_DATABASE": "x://secret"})
    assert len(refused) == 2
    assert refused[0].startswith("inspector.toml:1:12: this is no PostgreSQL database; write postgresql://")
    assert "secret" not in " ".join(refused)


# --- Whose settings -------------------------------------------------------------------------------------------------

TRUSTING = {
    "ceilings": "ceilings = {scans = 1}",
    "database": 'database = "postgresql://u:p@h/d"',
    "dnssec_anchors": 'dnssec_anchors = [". IN DS 20326 8 2 E06D"]',
    "inspectors": 'inspectors = ["me"]',
    "nmap_search_path": 'nmap_search_path = ["./nmap"]',
    "plugins_lock": 'plugins_lock = "plugins.lock"',
    "public_roots": 'public_roots = "roots.pem"',
    "rate_state": 'rate_state = "rates"',
    "resolvers": 'resolvers = ["192.0.2.53"]',
    "resolver_questions_per_second": "resolver_questions_per_second = 1000",
    "root_servers": 'root_servers = ["iana"]',
    "signing_key": 'signing_key = "key.pem"',
    "sweep_method": 'sweep_method = "syn"',
    "trust_roots": 'trust_roots = ["root.pem"]',
    "trusted_signers": f'trusted_signers = ["{"a" * 64}"]',
}


def test_every_setting_is_the_users_or_the_folders() -> None:
    """No setting is undecided; one that is new is the user's until somebody decides otherwise."""
    assert TRUSTING.keys() | FOLDER_KEYS == Settings.model_fields.keys()
    assert not TRUSTING.keys() & FOLDER_KEYS


@pytest.mark.parametrize("key", TRUSTING)
def test_the_current_folder_decides_nothing_about_trust(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust, programs and resolvers are refused in the file of the current folder, and read from the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    here, mine = tmp_path / "inspector.toml", tmp_path / "config" / "inspector" / "inspector.toml"
    here.write_text(f"{TRUSTING[key]}\n")
    with pytest.raises(InputFileError, match=rf"inspector\.toml:1:1: {key} is not for the file of the current folder"):
        read_settings(None)
    named = read_settings(here)
    here.unlink()
    mine.parent.mkdir(parents=True)
    mine.write_text(f"{TRUSTING[key]}\n")
    assert {key} <= read_settings(None).model_fields_set
    assert {key} <= named.model_fields_set


def test_the_current_folder_names_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contact, vantage, logging and an output below the folder are the folder's; they come after the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    mine = tmp_path / "config" / "inspector" / "inspector.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text('contact = "user"\ntrusted_signers = []\n[vantage]\nname = "user"\nkind = "ci"\n')
    here = tmp_path / "inspector.toml"
    here.write_text('output = "here"\ncontact = "folder"\n[vantage]\nname = "folder"\n')
    read = read_settings(None)
    assert (read.contact, read.output, read.vantage) == (
        "folder",
        Path("here"),
        Vantage(name="folder", kind=VantageKind.CI),
    )
    for outside in ("..", "/tmp", "a/../../b", "a\\u0000b"):
        here.write_text(f'output = "{outside}"\n')
        with pytest.raises(InputFileError, match=r"inspector\.toml:1:10: output"):
            read_settings(None)


def test_plugins_are_pinned_by_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugins.lock that lies in the current folder pins nothing by itself."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Settings().plugins_lock == tmp_path / "inspector" / "plugins.lock"
