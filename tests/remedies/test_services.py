"""Remedies for open ports, SSH and name servers, applied to failing servers of Debian: the check then passes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from inspector import Every, Observation, Outcome, SubjectResult, TableAt, Target, Verdict
from inspector.registry.registry import installed
from inspector.report.remedies import Remedy
from inspector.tables.store import shipped_tables
from inspector.testing import run_probe
from inspector_dns.observations import NameServer
from inspector_dns.probes import name_server
from inspector_services.identification import banners
from inspector_services.logins import anonymous_logins
from inspector_services.observations import AnonymousLogins, Banners, OpenPorts
from inspector_services.port_roles import NOTABLE
from inspector_services.probes import ports
from inspector_services.udp_observations import UdpExposure, UdpServices
from inspector_services.udp_probes import udp_exposure, udp_services
from inspector_ssh.observations import Ssh, SshLogin
from inspector_ssh.probes import ssh, ssh_login
from tests.agreement.environment import needs_programs, program
from tests.plugins.inspector_dns import named
from tests.plugins.inspector_dns.scanning import see
from tests.plugins.inspector_services import udp_servers
from tests.plugins.inspector_services.debian_servers import _folder, _samba, _xrdp, started
from tests.plugins.inspector_services.scanning import INTRUSIVE, host, read, scan
from tests.plugins.inspector_services.servers import own_address, running, speaking, sshd
from tests.plugins.inspector_services.udp_servers import ADDRESS, ROOT_PORT, Namespace, namespace, needs_root
from tests.plugins.inspector_ssh.servers import ADDRESS as SSH_ADDRESS
from tests.plugins.inspector_ssh.servers import OLD, openssh
from tests.postgresql import programs as postgresql_programs
from tests.remedies.servers import settings_of
from tests.remedies.test_remedies import SERVERS, all_remedies
from tests.reports import examples

#: Starts a server at an address, with the lines of a remedy beside its settings or in their place.
Server = Callable[[str, tuple[str, ...]], "contextlib.AbstractContextManager[None]"]
REMEDIES = {(check, product): remedy for check, product, remedy in all_remedies() if product not in SERVERS}
#: A declared port at which nothing is.
UNUSED = 4
#: The ports that are asked: those that checks look for, and those of the servers of this module.
ASKED = tuple(map(str, sorted({*NOTABLE, UNUSED, 902, 9443})))


def settings(own: Iterable[str], lines: Iterable[str]) -> str:
    """The settings with these lines, which replace those of the same names, as text of a file."""
    return f"{settings_of(own, lines)}\n"


def lines_of(remedy: Remedy, verdict: Verdict, address: str) -> tuple[str, ...]:
    """The lines of a remedy for the finding of a verdict."""
    finding = examples.view().assessment.findings[0]
    filled = remedy.filled(finding.model_copy(update={"measured": verdict.measured, "address": address}))
    assert filled is not None, verdict
    return filled.lines


# --- Servers over TCP -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def redis(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """Redis, which awaits connections at the machine's own address once it is bound to it."""
    with _folder() as folder:
        path = folder / "redis.conf"
        own = [f"bind {address}", "port 6379", "protected-mode no", 'save ""', "dir /"]
        path.write_text(settings(own, lines))
        with running([program("redis-server"), str(path)], "127.0.0.1" if lines else address, 6379):
            yield


@contextlib.contextmanager
def memcached(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """memcached, whose settings are its options."""
    options = settings([f"-l {address}", "-p 11211", "-U 0", "-u nobody"], lines).split()
    with running([program("memcached"), *options], "127.0.0.1" if lines else address, 11211):
        yield


@contextlib.contextmanager
def postgresql(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """PostgreSQL, with an empty database."""
    folder_of_programs = postgresql_programs()
    with _folder("postgres" if os.geteuid() == 0 else None) as folder:
        data, user = folder / "data", "postgres" if os.geteuid() == 0 else None
        initdb = [str(folder_of_programs / "initdb"), "--auth=reject", "--no-sync", "-D", str(data)]
        subprocess.run(initdb, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        own = [f"listen_addresses = '{address}'", "port = 5432", f"unix_socket_directories = '{folder}'"]
        (data / "postgresql.conf").write_text(settings(own, lines))
        command = [str(folder_of_programs / "postgres"), "-D", str(data)]
        with running(command, "127.0.0.1" if lines else address, 5432, user=user):
            yield


@contextlib.contextmanager
def mariadb(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """MariaDB without tables of grants."""
    with _folder() as folder:
        path, data = folder / "server.cnf", folder / "data"
        data.mkdir()
        own = [
            *(f"datadir = {data}", f"bind-address = {address}", "port = 3306", f"socket = {folder}/s"),
            *("skip-grant-tables", "skip-networking = 0", "user = root", f"pid-file = {folder}/pid"),
        ]
        path.write_text(f"[mysqld]\n{settings(own, lines)}")
        command = [program("mariadbd"), f"--defaults-file={path}"]
        with running(command, "127.0.0.1" if lines else address, 3306):
            yield


@contextlib.contextmanager
def vsftpd(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """vsftpd, which admits guests."""
    with _folder() as folder:
        path = folder / "vsftpd.conf"
        own = [
            *("listen=YES", f"listen_address={address}", "listen_port=21", "anonymous_enable=YES", "local_enable=YES"),
            *(f"secure_chroot_dir={folder}", f"anon_root={folder}", "background=NO", "seccomp_sandbox=NO"),
        ]
        path.write_text(settings(own, lines))
        with running([program("vsftpd"), str(path)], address, 21):
            yield


@contextlib.contextmanager
def mosquitto(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """Mosquitto, which admits clients without a name."""
    owner = "nobody" if os.geteuid() == 0 else None
    with _folder(owner) as folder:
        path = folder / "mosquitto.conf"
        path.write_text(settings([f"listener 1883 {address}", "allow_anonymous true"], lines))
        with running([program("mosquitto"), "-c", str(path)], address, 1883, user=owner):
            yield


@contextlib.contextmanager
def samba(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """Samba, which speaks SMB 1 and requires no signing."""
    own = settings(["server min protocol = NT1", "server signing = auto"], lines)
    with _folder() as folder, running(_samba(own)(address, folder), address, 445):
        yield


@contextlib.contextmanager
def xrdp(address: str, lines: tuple[str, ...]) -> Iterator[None]:
    """xrdp, which also accepts clients without TLS."""
    (line,) = lines or ("security_layer=negotiate",)
    with _folder() as folder, running(_xrdp(line.partition("=")[2])(address, folder), address, 3389):
        yield


def table(lines: Iterable[str]) -> str:
    """The lines as the only rules of nftables for what comes in."""
    rules = "\n".join(lines)
    return f"table inet remedy {{\nchain input {{\ntype filter hook input priority 0;\n{rules}\n}}\n}}\n"


@contextlib.contextmanager
def filtered(lines: Iterable[str]) -> Iterator[None]:
    """The lines in a chain of nftables for what comes in, in the network namespace of this process."""
    needs_programs("nft")
    needs_root()
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
        file.write(table(lines))
        file.flush()
        subprocess.run(["nft", "-f", file.name], check=True)
        try:
            yield
        finally:
            subprocess.run(["nft", "delete", "table", "inet", "remedy"], check=True)


Seen = dict[type[Observation], Observation]


def scanned(address: str) -> tuple[Target, Seen]:
    """What is seen of the ports of a host that checks look for, and of the one that is declared."""
    target, seen = host(address, UNUSED), Seen()
    seen[OpenPorts] = read(ports, scan(ports, target, parts=ASKED), target)
    seen[Banners] = read(banners, scan(banners, target, seen[OpenPorts]), target)
    needs = (seen[OpenPorts], seen[Banners])
    seen[AnonymousLogins] = read(
        anonymous_logins, scan(anonymous_logins, target, *needs, authorisation=INTRUSIVE), target
    )
    return target, seen


def judged(check: str, target: Target, seen: Seen) -> Verdict:
    """The verdict of a check."""
    found = installed().checks[check]
    tables = {each.kind: each for each in shipped_tables(installed())}
    given: list[object] = []
    for each in found.inputs:
        if each.table is not None:
            table = tables[each.table.kind]
            given.append(TableAt(table, each.table, table.dated))
        else:
            given.append(target.declared if each.kind is None else SubjectResult(target.subject, seen[each.kind]))
    return found.evaluate(given, {})


def judged_all(checks: Iterable[str], address: str) -> dict[str, Verdict]:
    """The verdicts of checks on the ports of a host; a server that was too busy to answer is asked again."""
    found: dict[str, Verdict] = {}
    for _ in range(3):
        at = scanned(address)
        found = {check: judged(check, *at) for check in checks}
        if not any(each.outcome is Outcome.INCONCLUSIVE for each in found.values()):
            break
    return found


Verdicts = dict[str, tuple[Verdict, Verdict]]

#: The servers to whose settings remedies belong, and the checks that they fail.
CONFIGURED: dict[str, tuple[Server, tuple[str, ...]]] = {
    "redis": (redis, ("no-database-reachable", "no-unauthenticated-store")),
    "memcached": (memcached, ("no-database-reachable", "no-unauthenticated-store")),
    "postgresql": (postgresql, ("no-database-reachable",)),
    "mariadb": (mariadb, ("no-database-reachable",)),
    "vsftpd": (vsftpd, ("no-anonymous-login",)),
    "mosquitto": (mosquitto, ("no-anonymous-login",)),
    "samba": (samba, ("smb1-disabled", "smb-signing-required")),
    "xrdp": (xrdp, ("rdp-tls-required",)),
}
ON_ONE_HOST = sorted({check for _, checks in CONFIGURED.values() for check in checks})
#: The checks that fail at a host with a server of every kind, and those that recognise appliances.
FIREWALLED = (
    *("administration-not-reachable", "no-cleartext-administration", "no-container-api-reachable"),
    *("no-database-reachable", "no-directory-reachable", "no-file-sharing-reachable", "no-queue-reachable"),
    "no-unauthenticated-store",
)
APPLIANCES = ("services-no-backup-console", "services-no-hypervisor")


def configured(checks: Iterable[str], products: Iterable[str]) -> Verdicts:
    """By check: its verdict on a host with these servers, before and after the remedies."""
    address, started_by = own_address(), {product: CONFIGURED[product] for product in products}
    with contextlib.ExitStack() as stack:
        for start, _ in started_by.values():
            stack.enter_context(start(address, ()))
        before = judged_all(checks, address)
    with contextlib.ExitStack() as stack:
        for product, (start, failing) in started_by.items():
            found = [lines_of(REMEDIES[check, product], before[check], address) for check in failing]
            stack.enter_context(start(address, tuple(dict.fromkeys(line for lines in found for line in lines))))
        after = judged_all(checks, address)
    return {check: (before[check], after[check]) for check in checks}


@pytest.fixture(scope="module")
def one_host() -> Verdicts:
    """All servers that say who they are, on one host."""
    return configured(ON_ONE_HOST, sorted(CONFIGURED.keys() - {"mosquitto"}))


def firewalled(address: str, checks: Iterable[str]) -> Verdicts:
    """By check: its verdict on a host before and after the rules of its remedies."""
    before = judged_all(checks, address)
    found = [lines_of(REMEDIES[check, "nftables"], verdict, address) for check, verdict in before.items()]
    with filtered(dict.fromkeys(line for lines in found for line in lines)):
        after = judged_all(checks, address)
    return {check: (before[check], after[check]) for check in checks}


@pytest.fixture(scope="module")
def filtered_ports() -> Verdicts:
    """The checks of open ports, at servers of all the kinds that they look for."""
    address = own_address()
    names = ("redis", "postgresql", "memcached", "telnetd", "etcd", "slapd", "samba", "rsync")
    with started(address, *names), sshd(address, 22), speaking(address, {5672: "amqp"}):
        return firewalled(address, FIREWALLED)


@pytest.fixture(scope="module")
def filtered_undeclared() -> Verdicts:
    """A host with a port that is not declared."""
    address = own_address()
    with started(address, "vsftpd"):
        return firewalled(address, ["ports-only-declared"])


@pytest.fixture(scope="module")
def filtered_appliances() -> Verdicts:
    """The checks of appliances, at such ones, which answer whatever is not filtered with a reset."""
    address = own_address()
    with speaking(address, {9443: "console", 902: "vmware-auth"}):
        return firewalled(address, APPLIANCES)


def assert_cured(verdicts: tuple[Verdict, Verdict]) -> None:
    """The check fails before, and passes afterwards, or is about nothing."""
    before, after = verdicts
    assert before.outcome is Outcome.FAIL, before
    assert after.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), after


@pytest.mark.parametrize("check", ON_ONE_HOST)
def test_settings_make_a_check_pass(one_host: Verdicts, check: str) -> None:
    """With the settings of a remedy in each product of which there is one the check fails no more."""
    assert_cured(one_host[check])


def test_settings_of_mosquitto_make_its_check_pass() -> None:
    """On a host of its own, since a broker that asks for a password does not say what it is."""
    assert_cured(configured(["no-anonymous-login"], ["mosquitto"])["no-anonymous-login"])


@pytest.mark.parametrize("check", FIREWALLED)
def test_a_rule_of_the_firewall_makes_a_check_pass(filtered_ports: Verdicts, check: str) -> None:
    """The ports that the finding names are closed to everybody else."""
    assert_cured(filtered_ports[check])


@pytest.mark.parametrize("check", APPLIANCES)
def test_a_rule_before_an_appliance_makes_its_check_pass(filtered_appliances: Verdicts, check: str) -> None:
    """The address answers with a reset at every port, so that none of them is unseen."""
    assert_cured(filtered_appliances[check])


def test_a_rule_for_undeclared_ports_makes_the_check_pass(filtered_undeclared: Verdicts) -> None:
    """What is not declared is closed."""
    assert_cured(filtered_undeclared["ports-only-declared"])


# --- Servers over UDP -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def snmpd(space: Namespace, lines: tuple[str, ...]) -> Iterator[None]:
    """Net-SNMP's agent, readable by everybody."""
    own = settings([f"agentaddress udp:{ADDRESS}:161", "rocommunity public"], lines)
    with udp_servers._folder("snmpd.conf", own) as path:
        command = [program("snmpd"), "-f", "-Ln", "-C", "-c", str(path), "-p", f"{path}.pid"]
        with udp_servers._running(space, 161, *command, SNMP_PERSISTENT_DIR=str(path.parent)):
            yield


@contextlib.contextmanager
def ntpd(space: Namespace, lines: tuple[str, ...]) -> Iterator[None]:
    """NTPsec, which answers control questions of everybody."""
    own = settings(
        ["restrict default", "restrict 127.0.0.1", "server 127.127.1.0", "fudge 127.127.1.0 stratum 8"], lines
    )
    with udp_servers._folder("ntp.conf", own) as path:
        command = [program("ntpd"), "-n", "-c", str(path), "-p", f"{path}.pid", "-I", ADDRESS]
        with udp_servers._running(space, 123, *command):
            yield


@contextlib.contextmanager
def resolver(space: Namespace, lines: tuple[str, ...]) -> Iterator[None]:
    """BIND, which resolves for everybody."""
    forwarding = f"forwarders {{ {ADDRESS} port {ROOT_PORT}; }}; forward only;"
    options = settings(["recursion yes;", "allow-recursion { any; };", forwarding], lines)
    with (
        udp_servers.named(space, ROOT_PORT, "recursion no;", udp_servers.ROOT_ZONE),
        udp_servers.named(space, 53, options),
    ):
        yield


@contextlib.contextmanager
def memcached_over_udp(space: Namespace, lines: tuple[str, ...]) -> Iterator[None]:
    """memcached with UDP."""
    options = settings([f"-l {ADDRESS}", "-p 11211", "-U 11211", "-u nobody"], lines).split()
    if lines:  # nothing is bound then
        process = space.start(program("memcached"), *options)
        try:
            yield
        finally:
            process.terminate()
            process.communicate()
        return
    with udp_servers._running(space, 11211, program("memcached"), *options):
        yield


OVER_UDP: dict[str, tuple[Callable[..., contextlib.AbstractContextManager[None]], tuple[str, ...]]] = {
    "snmpd": (snmpd, ("no-snmp-public-community",)),
    "ntpsec": (ntpd, ("ntp-control-not-answered",)),
    "bind": (resolver, ("no-open-resolver",)),
    "memcached": (memcached_over_udp, ("no-amplifier-reachable",)),
}
UDP_CHECKS = sorted(check for _, checks in OVER_UDP.values() for check in checks)
FILTERED_OVER_UDP = ("no-amplifier-reachable", "no-cleartext-snmp", "udp-ports-only-declared")


def _scanned_over_udp() -> tuple[Target, Seen]:
    target, seen = host(ADDRESS, UNUSED), Seen()
    seen[UdpServices] = read(udp_services, scan(udp_services, target, whole_list=True), target)
    output = scan(udp_exposure, target, seen[UdpServices], authorisation=INTRUSIVE)
    seen[UdpExposure] = read(udp_exposure, output, target)
    return target, seen


@pytest.fixture(scope="module")
def over_udp() -> Verdicts:
    """By check: its verdict on a host with all servers over UDP, before and after the remedies."""
    found: list[dict[str, Verdict]] = []
    for mended in (False, True):
        with namespace() as space, contextlib.ExitStack() as stack:
            for product, (start, checks) in OVER_UDP.items():
                lines = [lines_of(REMEDIES[each, product], found[0][each], ADDRESS) for each in checks if mended]
                stack.enter_context(start(space, tuple(dict.fromkeys(line for some in lines for line in some))))
            at = space.call(_scanned_over_udp)
        found.append({check: judged(check, *at) for check in (*UDP_CHECKS, *FILTERED_OVER_UDP)})
    return {check: (found[0][check], found[1][check]) for check in found[0]}


@pytest.fixture(scope="module")
def filtered_over_udp(over_udp: Verdicts) -> Verdicts:
    """The same before and after rules of a firewall, which answers what it drops."""
    lines = [lines_of(REMEDIES[check, "nftables"], over_udp[check][0], ADDRESS) for check in FILTERED_OVER_UDP]
    with namespace() as space, contextlib.ExitStack() as stack:
        for start, _ in OVER_UDP.values():
            stack.enter_context(start(space, ()))
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
            file.write(table(line for some in lines for line in some))
            file.flush()
            space.run("nft", "-f", file.name)
        at = space.call(_scanned_over_udp)
    return {check: (over_udp[check][0], judged(check, *at)) for check in FILTERED_OVER_UDP}


@pytest.mark.parametrize("check", UDP_CHECKS)
def test_settings_make_a_check_of_udp_pass(over_udp: Verdicts, check: str) -> None:
    """SNMP, NTP, DNS and memcached."""
    assert_cured(over_udp[check])


@pytest.mark.parametrize("check", FILTERED_OVER_UDP)
def test_a_rule_of_the_firewall_makes_a_check_of_udp_pass(filtered_over_udp: Verdicts, check: str) -> None:
    """The ports that the finding names are closed, which a rejection says: silence may be an open port."""
    assert_cured(filtered_over_udp[check])


# --- SSH and name servers ---------------------------------------------------------------------------------------------

WEAK_SSH = {
    **{key: OLD[key] for key in ("Ciphers", "MACs", "HostKeyAlgorithms")},
    "KexAlgorithms": "curve25519-sha256,diffie-hellman-group1-sha1,diffie-hellman-group14-sha256",
    "PubkeyAcceptedAlgorithms": "+ssh-rsa",
}
SSH_CHECKS = sorted(check for (check, product), remedy in REMEDIES.items() if product == "openssh" and remedy.tried)
#: What Debian's OpenSSH cannot be made to do: its strict key exchange leaves no room for the Terrapin attack.
NEVER_FAILING = frozenset({"ssh-no-terrapin"})


def _scanned_ssh(given: dict[str, str]) -> Seen:
    with openssh(given) as port:
        uri = f"ssh://{SSH_ADDRESS}:{port}"
        return {
            Ssh: run_probe(ssh, uri, address=SSH_ADDRESS, answer_seconds=2).seen(Ssh),
            SshLogin: run_probe(ssh_login, uri, address=SSH_ADDRESS).seen(SshLogin),
        }


@pytest.fixture(scope="module")
def over_ssh() -> Verdicts:
    """By check: its verdict on a weak OpenSSH, before and after the remedies."""
    lines = dict.fromkeys(line for check in SSH_CHECKS for line in REMEDIES[check, "openssh"].lines)
    mended = WEAK_SSH | {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines}
    target = host(SSH_ADDRESS)
    before, after = _scanned_ssh(WEAK_SSH), _scanned_ssh(mended)
    return {check: (judged(check, target, before), judged(check, target, after)) for check in SSH_CHECKS}


@pytest.mark.parametrize("check", SSH_CHECKS)
def test_settings_of_openssh_make_a_check_pass(over_ssh: Verdicts, check: str) -> None:
    """All remedies together are one sshd_config, with which every check passes."""
    before, after = over_ssh[check]
    assert before.outcome is (Outcome.PASS if check in NEVER_FAILING else Outcome.FAIL), before
    assert after.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), after


def test_a_name_server_without_recursion_makes_the_check_pass(tmp_path: Path) -> None:
    """BIND that resolves for everybody refuses once recursion is off."""
    zones = named.ZoneSet(tmp_path)
    zones.add("example", "@ NS ns1.example.\nns1 A 127.0.0.1")
    zones.add("zone.example", "@ NS ns1.example.")
    top, port = named.free_port(), named.free_port()
    forwarding = f"forwarders {{ 127.0.0.1 port {top}; }};"
    own = ["recursion yes;", "allow-recursion { any; };", forwarding]
    remedy = REMEDIES["name-servers-refuse-recursion", "bind"]
    outcomes = []
    with named.serve(tmp_path / "top", {"example": zones.zones["example"]}, top):
        for lines in ((), remedy.lines):
            options = settings(own, lines)
            with named.serve(tmp_path / "own", {"zone.example": zones.zones["zone.example"]}, port, options):
                uri = f"ns://ns1.example:{port}/zone.example"
                seen = see(name_server, uri, port, address="127.0.0.1")
            assert isinstance(seen, NameServer)
            every = Every([SubjectResult(host("127.0.0.1").subject, seen)])
            outcomes.append(installed().checks["name-servers-refuse-recursion"].evaluate([every], {}).outcome)
    assert outcomes == [Outcome.FAIL, Outcome.PASS]


def test_every_remedy_that_is_said_to_have_been_tried_is() -> None:
    """Whatever product it is of: each is applied by one of the tests above."""
    applied = {(check, product) for product, (_, checks) in CONFIGURED.items() for check in checks}
    applied |= {(check, product) for product, (_, checks) in OVER_UDP.items() for check in checks}
    firewall = (*FIREWALLED, *APPLIANCES, *FILTERED_OVER_UDP, "ports-only-declared")
    applied |= {(check, "nftables") for check in firewall} | {(check, "openssh") for check in SSH_CHECKS}
    applied.add(("name-servers-refuse-recursion", "bind"))
    others = {
        key for key in REMEDIES if key[1] == "bind" and installed().package_of(key[0]) == "inspector_dns"
    } - applied
    assert applied == {key for key, remedy in REMEDIES.items() if remedy.tried} - others
