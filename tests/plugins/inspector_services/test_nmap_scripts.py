"""What SMB and RDP servers accept, as nmap's scripts see the same servers."""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from inspector_services.observations import Banner
from tests.plugins.inspector_services.debian_servers import started
from tests.plugins.inspector_services.scanning import host, identified, opened
from tests.plugins.inspector_services.servers import installed, own_address

SERVERS = (("samba", "xrdp"), ("samba-old", "xrdp-negotiating"))
_SCRIPTS = "smb2-security-mode,smb-protocols,rdp-enum-encryption"


class Seen(NamedTuple):
    """What both saw of one address: the banners by server, and what nmap printed."""

    banners: dict[str, Banner]
    printed: str


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    found: list[Seen] = []
    with ExitStack() as stack:
        places = [(own_address(), names) for names in SERVERS]
        ports = [stack.enter_context(started(address, *names)) for address, names in places]
        facts = identified(
            *((host(address), opened(*of.values())) for (address, _), of in zip(places, ports, strict=True))
        )
        for (address, _), of, banners in zip(places, ports, facts, strict=True):
            command = [installed("nmap"), "-n", "-Pn", "-p", "445,3389", "--script", _SCRIPTS, address]
            printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
            found.append(Seen({name: banners.banner_of(port).value for name, port in of.items()}, printed))
    return found


@pytest.mark.parametrize("number", range(len(SERVERS)), ids=[names[0] for names in SERVERS])
def test_smb_is_seen_as_by_nmap(seen: list[Seen], number: int) -> None:
    """Signing, the newest dialect and SMB 1."""
    smb, printed = seen[number].banners[SERVERS[number][0]].smb, seen[number].printed
    assert smb is not None
    assert smb.signing_required.value == ("Message signing enabled and required" in printed)
    assert smb.smb1.value == ("NT LM 0.12 (SMBv1)" in printed)
    # nmap 7.93 prints a dialect as 311, 7.95 as 3:1:1.
    dialect = re.findall(r"^\|_? +([0-9]:?[0-9]:?[0-9])$", printed, re.MULTILINE)[-1]
    assert smb.dialect.replace(".", "") == dialect.replace(":", "")


def test_rdp_is_seen_as_by_nmap(seen: list[Seen]) -> None:
    """The same without and with TLS.

    nmap calls CredSSP a success where the server confirms, though it selects TLS: xrdp has no CredSSP. Of a server that
    requires TLS its script (7.93) sees nothing.
    """
    rdp, printed = seen[1].banners["xrdp-negotiating"].rdp, seen[1].printed
    assert rdp is not None
    for answer, name in ((rdp.standard, "Native RDP"), (rdp.tls, "SSL")):
        assert answer.value == (f"{name}: SUCCESS" in printed)
    assert not rdp.nla.value
