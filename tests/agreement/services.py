"""Compares identified services with ``nmap -sV`` on the same servers: ``python -m tests.agreement.services [NAME...]``.

Exits with status 1 where the two differ and nothing here explains it, and where an explanation is of no difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from inspector_services.identification import banners
from inspector_services.observations import Banner, Banners, ServiceProtocol
from inspector_services.protocols import protocols_of
from tests import conftest  # noqa: F401  # gives this process a network of its own
from tests.agreement.environment import program
from tests.plugins.inspector_services.debian_servers import SERVERS, started
from tests.plugins.inspector_services.scanning import host, opened, read, scan
from tests.plugins.inspector_services.servers import own_address

#: What nmap calls a protocol, where its name is another.
NAMES = {
    "X11": ServiceProtocol.X11,
    "microsoft-ds": ServiceProtocol.SMB,
    "ms-wbt-server": ServiceProtocol.RDP,
    "netbios-ssn": ServiceProtocol.SMB,
    "rpcbind": ServiceProtocol.RPC,
}
#: Why the two differ, by server.
EXPLAINED = {
    "etcd": "nmap 7.93 has no question for it",
    "mosquitto": "nmap sends CONNECT, which is a log-in; Inspector does so only as an intrusive question",
    "mosquitto-password": "as mosquitto",
}


def compared(name: str) -> tuple[str, str, bool]:
    """What Inspector and nmap say of one server, and whether they agree."""
    address = own_address()
    with started(address, name) as ports:
        port = ports[name]
        facts = Banners.model_validate(read(banners, scan(banners, host(address), opened(port)), host(address)))
        theirs = _nmap(address, port)
    ours = facts.banner_of(port).value
    return _shown(ours), " ".join(theirs), _agree(ours, *theirs)


def _nmap(address: str, port: int) -> tuple[str, str, str]:
    """Service, product and version in nmap's terms."""
    command = [program("nmap"), "-n", "-Pn", "-sT", "-sV", "-p", str(port), "-oX", "-", address]
    printed = subprocess.run(command, check=True, capture_output=True, timeout=300).stdout
    found = ET.fromstring(printed).find(".//service")  # nmap's own output
    told = found.attrib if found is not None and found.get("method") == "probed" else {}
    return told.get("name", ""), told.get("product", ""), told.get("version", "")


def _shown(banner: Banner) -> str:
    return " ".join(filter(None, (banner.protocol.value, banner.product, banner.version)))


def _agree(ours: Banner, service: str, _product: str, version: str) -> bool:
    """The same protocol, and no other version where both name one."""
    same = ours.protocol is NAMES.get(service) or ours.protocol in protocols_of(service)
    return same and (not ours.version or not version or version.startswith(ours.version) or ours.version in version)


def main() -> int:
    """Print one line for each server; 1 when something is not explained."""
    faults = 0
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        for name in sys.argv[1:] or SERVERS:
            ours, theirs, agree = compared(name)
            explained = EXPLAINED.get(name)
            fault = agree == (explained is not None)
            faults += fault
            mark = "NOT EXPLAINED" if fault else explained or "same"
            sys.stdout.write(f"{name}: {ours} | nmap: {theirs or '-'} | {mark}\n")
            sys.stdout.flush()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
