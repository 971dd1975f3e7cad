"""The identity of servers of Debian's packages, by what they answer."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from inspector import Target
from inspector_services import identification
from inspector_services.observations import Banner, OpenPorts, ServiceProtocol
from tests.plugins.inspector_services.debian_servers import SERVERS, started
from tests.plugins.inspector_services.scanning import host, identified, opened
from tests.plugins.inspector_services.servers import own_address

#: The servers at one address each time, as no two have the same port.
GROUPS = (
    (
        *("dovecot-imap", "dovecot-pop3", "etcd", "mariadb", "memcached", "mosquitto", "postfix", "postgresql"),
        *("redis", "rpcbind", "rsync", "samba", "slapd", "telnetd", "tigervnc", "vsftpd", "x11", "xrdp"),
    ),
    ("mosquitto-password", "redis-password", "samba-netbios", "samba-old", "tigervnc-open", "vsftpd-guests"),
    ("postfix-relay", "redis-in-tls", "vsftpd-in-tls", "xrdp-negotiating"),
    ("vsftpd-guests-in-tls",),
)


@pytest.fixture(scope="module")
def debian() -> dict[str, Banner]:
    """What was identified of each server, which has time to answer on a loaded machine."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        patched.setattr(identification, "GREETING_SECONDS", 6.0)
        patched.setattr(identification, "ANSWER_SECONDS", 60.0)
        jobs: list[tuple[Target, OpenPorts]] = []
        places: dict[str, tuple[int, int]] = {}
        for group in GROUPS:
            address = own_address()
            ports = stack.enter_context(started(address, *group))
            places |= {name: (len(jobs), port) for name, port in ports.items()}
            jobs.append((host(address), opened(*ports.values())))
        found = identified(*jobs)
    return {name: found[job].banner_of(port).value for name, (job, port) in places.items()}


#: Protocol, product, whether there is a version, cleartext, authentication.
IDENTITIES: dict[str, tuple[ServiceProtocol, str, bool, bool | None, bool | None]] = {
    "dovecot-imap": (ServiceProtocol.IMAP, "Dovecot", False, None, None),
    "dovecot-pop3": (ServiceProtocol.POP3, "Dovecot", False, None, None),
    "etcd": (ServiceProtocol.ETCD, "etcd", True, True, None),
    "mariadb": (ServiceProtocol.MYSQL, "MariaDB", True, None, None),
    "memcached": (ServiceProtocol.MEMCACHED, "memcached", True, None, False),
    "mosquitto": (ServiceProtocol.UNKNOWN, "", False, None, None),
    "mosquitto-password": (ServiceProtocol.UNKNOWN, "", False, None, None),
    "postfix": (ServiceProtocol.SMTP, "Postfix", False, None, None),
    "postfix-relay": (ServiceProtocol.SMTP, "Postfix", False, None, None),
    "postgresql": (ServiceProtocol.POSTGRESQL, "", False, True, None),
    "redis": (ServiceProtocol.REDIS, "Redis", True, None, False),
    "redis-in-tls": (ServiceProtocol.REDIS, "Redis", True, None, False),
    "redis-password": (ServiceProtocol.REDIS, "", False, None, True),
    "rpcbind": (ServiceProtocol.RPC, "", False, None, None),
    "rsync": (ServiceProtocol.RSYNC, "", False, True, None),
    "samba": (ServiceProtocol.SMB, "", False, None, None),
    "samba-netbios": (ServiceProtocol.SMB, "", False, None, None),
    "samba-old": (ServiceProtocol.SMB, "", False, None, None),
    "slapd": (ServiceProtocol.LDAP, "", False, None, None),
    "telnetd": (ServiceProtocol.TELNET, "", False, True, None),
    "tigervnc": (ServiceProtocol.VNC, "", False, None, True),
    "tigervnc-open": (ServiceProtocol.VNC, "", False, True, False),
    "vsftpd": (ServiceProtocol.FTP, "vsFTPd", True, True, None),
    "vsftpd-guests": (ServiceProtocol.FTP, "vsFTPd", True, True, None),
    "vsftpd-guests-in-tls": (ServiceProtocol.FTP, "vsFTPd", True, None, None),
    "vsftpd-in-tls": (ServiceProtocol.FTP, "vsFTPd", True, None, None),
    "x11": (ServiceProtocol.X11, "", False, True, False),
    "xrdp": (ServiceProtocol.RDP, "", False, False, None),
    "xrdp-negotiating": (ServiceProtocol.RDP, "", False, None, None),
}


def test_every_server_of_debian_is_identified() -> None:
    """Each server has an expected identity and stands in one group."""
    assert sorted(name for group in GROUPS for name in group) == sorted(SERVERS) == sorted(IDENTITIES)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_of_debian_is_identified(debian: dict[str, Banner], name: str) -> None:
    """Protocol, product, version, encryption and log-in follow from what it answers to its clients' question."""
    seen_of = debian[name]
    shown = (seen_of.protocol, seen_of.product, bool(seen_of.version), seen_of.cleartext, seen_of.authentication)
    assert shown == IDENTITIES[name]


def test_a_protocol_inside_tls_is_identified(debian: dict[str, Banner]) -> None:
    """The service's own question is asked inside TLS where the server expects that."""
    assert debian["redis-in-tls"].tls
    assert not debian["redis"].tls


@pytest.mark.parametrize(
    ("name", "standard", "tls", "nla"), [("xrdp", False, True, False), ("xrdp-negotiating", True, True, False)]
)
def test_rdp_shows_what_it_accepts(debian: dict[str, Banner], name: str, standard: bool, tls: bool, nla: bool) -> None:
    """Each kind of security is asked for alone."""
    rdp = debian[name].rdp
    assert rdp is not None
    assert (rdp.standard.value, rdp.tls.value, rdp.nla.value) == (standard, tls, nla)


@pytest.mark.parametrize(
    ("name", "signing", "smb1"), [("samba", True, False), ("samba-netbios", False, False), ("samba-old", False, True)]
)
def test_smb_shows_what_it_negotiates(debian: dict[str, Banner], name: str, signing: bool, smb1: bool) -> None:
    """Dialect, required signing, and SMB 1, also within a NetBIOS session."""
    smb = debian[name].smb
    assert smb is not None
    assert (smb.dialect, smb.signing_required.value, smb.smb1.value) == ("3.1.1", signing, smb1)
