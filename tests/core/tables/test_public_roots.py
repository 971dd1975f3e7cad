"""The table of public roots: certifi's, or that of the settings."""

from __future__ import annotations

import os
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import certifi

from inspector.declare.settings import Settings
from inspector.model.public_roots import PublicRoots
from inspector.registry.registry import installed
from inspector.tables.public_roots import installed_roots
from inspector.tables.store import tables_at_hand


def ders(pem: bytes) -> list[bytes]:
    """The certificates as OpenSSL reads them, in order of their bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem.decode())
    return sorted(context.get_ca_certs(binary_form=True))


def test_the_table_has_every_root_of_certifi_and_the_day_of_its_version() -> None:
    """Nothing is added or lost, each has its label, and the version is the date."""
    table = installed_roots()
    assert ders(PublicRoots.of(table).pem) == ders(Path(certifi.where()).read_bytes())
    assert all(entry["label"] for entry in table.entries)
    assert re.match(rf"{table.dated.year}\.0?{table.dated.month}\.0?{table.dated.day}\b", certifi.__version__)


def test_roots_of_the_settings_are_used_before_all_others(tmp_path: Path) -> None:
    """They are of the day on which their file was written; what is no Base64 in it is left out."""
    path = tmp_path / "roots.pem"
    begin, end = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n"
    path.write_text(f"{begin}MI!B{end}{begin}MIIB{end}", encoding="ascii")
    day = datetime(2025, 3, 1, 12, tzinfo=UTC)
    os.utime(path, (day.timestamp(), day.timestamp()))
    found = {each.kind: each for each in tables_at_hand(installed(), Settings(public_roots=path))}
    table = found[PublicRoots.kind]
    assert (table.dated, table.source) == (day.date(), "public_roots of the settings")
    assert [entry["certificate"] for entry in table.entries] == ["MIIB"]
    assert set(found) == {each.kind for each in tables_at_hand(installed(), Settings())}
