"""The inspector's own side: where it looks from, whom it trusts, where it writes. Never what is required of a system."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from inspector.model import Model


class VantageKind(StrEnum):
    """From where one looks."""

    INTERNET = "internet"
    PARTNER = "partner"
    INSIDE = "inside"
    CI = "ci"


class Vantage(Model):
    """The place from which one looks."""

    name: str = "unnamed"
    kind: VantageKind = VantageKind.INTERNET


class Ceilings(Model):
    """Limits of this machine, over all targets: open connections, looks in flight, bytes kept of one answer, seconds."""

    connections: int = Field(default=400, ge=1)
    looks: int = Field(default=50, ge=1)
    answer_bytes: int = Field(default=2_000_000, ge=1024)
    look_seconds: int = Field(default=600, ge=1)


class Settings(Model):
    """Settings, from ``inspector.toml``, ``INSPECTOR_*`` and flags, in rising order of precedence.

    ``resolvers``: ``address`` or ``address:port`` (empty: the machine's own). ``trust_roots``: PEM files or folders of
    declared roots. ``public_roots``: PEM file of the browser store (None: certifi's). ``dnssec_anchors``: DS or DNSKEY
    lines (empty: the root zone's built-in anchors). ``signing_key``: PEM, made on first use, mode 0600.
    ``trusted_signers``: public key ids (hexadecimal). ``nmap_search_path``: programs tried, () means no nmap.
    """

    vantage: Vantage = Vantage()
    contact: str = ""
    resolvers: tuple[str, ...] = ()
    trust_roots: tuple[Path, ...] = ()
    public_roots: Path | None = None
    dnssec_anchors: tuple[str, ...] = ()
    signing_key: Path | None = None
    trusted_signers: tuple[str, ...] = ()
    output: Path = Path("out")
    nmap_search_path: tuple[str, ...] = ("nmap", "/usr/bin/nmap", "/usr/local/bin/nmap", "/opt/homebrew/bin/nmap")
    ceilings: Ceilings = Ceilings()
