"""``inspector tables``: what is at hand, and taking over what a trusted signer signed."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.cli.app import MISUSE, call
from inspector.declare.settings import Settings, data_folder
from inspector.model.base import now
from inspector.model.table import Table
from inspector.registry.registry import installed
from inspector.seal.manifest import envelope_of, payload_of
from inspector.seal.signing import SigningKey
from inspector.tables.signed_file import SignedTable, sign
from inspector.tables.store import known_tables, shipped_tables


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, keys and imported tables of the test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def table(**changes: object) -> Table:
    """The shipped table of ends of support, with other fields."""
    shipped = next(each for each in shipped_tables(installed()) if each.name == "end-of-support")
    return Table.parse(json.dumps({**shipped.model_dump(mode="json"), **changes}))


def signed(folder: Path, given: Table, key: SigningKey | None = None) -> Path:
    """A file with this table, signed by this machine's key or another one."""
    path = folder / "table.signed"
    path.write_bytes(sign(given, key or SigningKey.load_or_create()))
    return path


def listed(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert call(["tables", "list"]) == 0
    return " ".join(capsys.readouterr().out.split())


def imported() -> list[Path]:
    return sorted((data_folder() / "tables").glob("*.json"))


def test_the_list_has_day_age_source_and_digest(capsys: pytest.CaptureFixture[str]) -> None:
    """Each table at hand is listed with what its reader needs to trust it; one that is too old says so."""
    text = listed(capsys)
    for each in shipped_tables(installed()):
        assert re.search(rf"{each.name} {each.dated} \d+.* {len(each.entries)} installed {each.digest[:12]}", text)
    assert ("too old for a pass" in text) == any(each.is_stale(now().date()) for each in shipped_tables(installed()))
    assert "CISA Known Exploited" in text


def test_a_newer_table_of_a_trusted_signer_is_used_from_then_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept for its user alone, complete, and listed with its signer."""
    newer = table(dated="2026-11-01", source="a newer snapshot")
    assert call(["tables", "import", str(signed(tmp_path, newer))]) == 0
    assert "the table of 2026-11-01 is used from now on, in place of that of 2026-08-22" in capsys.readouterr().out
    text = listed(capsys)
    keyid = SigningKey.load_or_create().keyid
    assert re.search(rf"end-of-support 2026-11-01 \d+.* {len(newer.entries)} imported, signed by {keyid[:12]}", text)
    (path,) = imported()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not list((path.parent / "partial").iterdir())


@pytest.mark.parametrize(
    "kind",
    ["stranger", "unsigned", "altered", "signed for another", "of another kind", "malformed entries", "missing"],
)
def test_what_no_trusted_signer_signed_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is kept, and the message says why and what to do."""
    newer = table(dated="2026-11-01")
    path, said = signed(tmp_path, newer), ""
    match kind:
        case "stranger":
            signed(tmp_path, newer, SigningKey.load_or_create(tmp_path / "stranger.pem"))
            said = "which is not a trusted signer"
        case "unsigned":
            path.write_bytes(newer.canonical())
            said = "is not a DSSE envelope"
        case "altered":
            path.write_bytes(path.read_bytes().replace(b'"payload":"ey', b'"payload":"e1', 1))
            said = "table.signed"
        case "signed for another":
            payload = payload_of({"end-of-support.json": "0" * 64}, SignedTable(table=newer))
            path.write_bytes(envelope_of(payload, SigningKey.load_or_create()))
            said = "is signed for another table than it holds"
        case "of another kind":
            signed(tmp_path, table(kind="weather/1"))
            said = "no check uses a table weather/1"
        case "malformed entries":
            signed(tmp_path, table(dated="2026-11-01", entries=[{"product": "nginx"}]))
            said = "is no table: entries.0.cycle"
        case "missing":
            path = tmp_path / "nowhere"
            said = "cannot be read"
    assert call(["tables", "import", str(path)]) == MISUSE
    assert said in " ".join(capsys.readouterr().err.split())
    assert imported() == []


def test_a_signer_of_the_settings_is_trusted(tmp_path: Path) -> None:
    """A table that another machine signed is taken over where the settings name its key."""
    other = SigningKey.load_or_create(tmp_path / "other.pem")
    settings = tmp_path / "inspector.toml"
    path = signed(tmp_path, table(dated="2026-11-01"), other)
    assert call(["tables", "import", str(path), "--settings", str(settings)]) == MISUSE
    settings.write_text(f'trusted_signers = ["{other.keyid}"]\n', encoding="utf-8")
    assert call(["tables", "import", str(path), "--settings", str(settings)]) == 0


def test_an_older_table_is_refused_unless_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names both days; with --older it is used."""
    path = signed(tmp_path, table(dated="2026-01-01"))
    assert call(["tables", "import", str(path)]) == MISUSE
    assert "of 2026-01-01, older than the present one of 2026-08-22" in " ".join(capsys.readouterr().err.split())
    assert call(["tables", "import", str(path), "--older"]) == 0
    assert "end-of-support 2026-01-01" in listed(capsys)


def test_a_newer_table_of_the_installation_takes_its_place_again(tmp_path: Path) -> None:
    """An update of the plugin is not held back by an import that is older, unless that was asked for against it."""
    assert call(["tables", "import", str(signed(tmp_path, table(dated="2026-11-01")))]) == 0
    shipped = tmp_path / "end-of-support.json"
    for dated, imported_is_used in (("2026-10-31", True), ("2026-11-01", True), ("2026-11-02", False)):
        shipped.write_bytes(table(dated=dated).canonical())
        known = known_tables(replace(installed(), tables=(shipped,)), Settings())
        assert [(each.table.name, each.is_imported) for each in known] == [
            ("end-of-support", imported_is_used),
            ("public-roots", False),
        ]


def test_an_imported_table_that_was_altered_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its signature is checked at each use, and the message names the file and what to do."""
    assert call(["tables", "import", str(signed(tmp_path, table(dated="2026-11-01")))]) == 0
    (path,) = imported()
    path.write_bytes(path.read_bytes().replace(b'"replaces"', b'"replaced"'))
    assert call(["tables", "list"]) == MISUSE
    text = " ".join(capsys.readouterr().err.split())
    assert "an imported table cannot be used" in text
    assert "import it again" in text


def test_a_table_is_signed_with_the_key_of_the_machine(tmp_path: Path) -> None:
    """What ``sign`` writes is what ``import`` takes; what is no table is refused."""
    plain, target = tmp_path / "plain.json", tmp_path / "out.signed"
    plain.write_bytes(table(dated="2026-10-01").canonical())
    assert call(["tables", "sign", str(plain), "--output", str(target)]) == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert call(["tables", "import", str(target)]) == 0
    plain.write_text("{}", encoding="utf-8")
    assert call(["tables", "sign", str(plain), "--output", str(target)]) == MISUSE


def test_a_table_that_a_check_takes_and_none_ships(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is taken over, a malformed one is not, and an older one only when asked for."""
    fields = {"kind": "hsts-preload/1", "dated": "2026-11-01", "source": "Chromium", "stale_after_days": 180}
    given = Table.parse(json.dumps({**fields, "entries": [{"name": "cong.gov.vn", "include_subdomains": True}]}))
    assert "hsts-preload" not in listed(capsys)
    assert call(["tables", "import", str(signed(tmp_path, given.model_copy(update={"entries": ({"name": "A B"},)})))])
    assert "entries.0.name" in capsys.readouterr().err
    assert call(["tables", "import", str(signed(tmp_path, given))]) == 0
    assert "hsts-preload: the table of 2026-11-01 is used from now on\n" in capsys.readouterr().out
    assert "hsts-preload 2026-11-01" in listed(capsys)
    assert "hsts-preload/1" in {each.table.kind for each in known_tables(installed(), Settings())}
    older = Table.parse(json.dumps({**fields, "dated": "2026-10-01", "entries": []}))
    assert call(["tables", "import", str(signed(tmp_path, older))]) == MISUSE
    assert "older than the present one of 2026-11-01" in " ".join(capsys.readouterr().err.split())
