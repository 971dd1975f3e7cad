"""A private internet of mail domains in a network namespace: BIND, Unbound, Postfix, nginx, and planted faults.

All names are below ``vn``, which is signed; those below ``plain.vn`` are not. Addresses look like global ones. Postfix
changes its user, which a user namespace of one user forbids: root is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.agreement.environment import program
from tests.agreement.programs import dovecot_settings
from tests.line.harness import needs_namespaces
from tests.plugins.inspector_dns.named import Signing, ZoneSet, programs
from tests.plugins.inspector_mail.zones import RSA_1024, RSA_2048, dkim_record
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key

RESOLVER, SERVER, WEB = "11.0.0.53", "11.0.0.1", "11.3.0.1"
SIGNED = Signing(algorithm="ED25519")

SPF = ("spf-published", "spf-rejects-others", "spf-limits-senders", "spf-networks-narrow")
SPF += ("spf-without-ptr", "spf-terms-effective")
STS = ("mta-sts-policy-usable", "mta-sts-policy-lasting", "mta-sts-mail-servers-valid")
SERVERS = ("mail-servers-answer", "mail-servers-start-tls", "mta-sts-mail-servers-valid")
#: The checks that are compared.
CHECKS = (
    *SPF,
    *("dmarc-published", "dmarc-enforced", "dmarc-subdomains-enforced", "dmarc-tags-current", "dmarc-reports-received"),
    *("dkim-keys-valid", "dkim-keys-strong", "mx-records-sound", "no-mail-domain-closed", "bimi-record-valid"),
    *STS,
    *("tlsa-records-match", "tls-reporting-usable", "mail-servers-answer", "mail-servers-start-tls"),
)
ENFORCED = "version: STSv1\\nmode: enforce\\nmx: *.host.vn\\nmx: *.plain.vn\\nmax_age: 1209600\\n"

#: Mail servers below ``host.vn``: how each is run. The certificates are those of ``_identities``.
POSTFIX: Mapping[str, str] = {
    "mx1": "good",
    "clear": "",
    "expired": "expired",
    "othername": "othername",
    "mismatch": "good",
    "unusable": "good",
    "bare": "good",
    "waiting": "good",
}
#: Servers that are no Postfix: the first bytes that they send.
SCRIPTED: Mapping[str, str] = {
    "busy": "421 4.7.0 too many connections\\r\\n",
    "blocking": "554 5.7.1 Service unavailable; client host blocked\\r\\n",
    "ssh": "SSH-2.0-OpenSSH_9.2p1\\r\\n",
}
#: Hosts at which users read mail by Dovecot and submit it to Postfix: the certificate, and settings of Dovecot.
MAILBOXES: Mapping[str, tuple[str, str]] = {
    "box": ("good", "ssl = required\n"),
    "clearbox": ("good", "login_trusted_networks = 11.0.0.0/8\n"),
    "expiredbox": ("expired", "ssl = required\n"),
}
HOSTS = {name: f"11.2.0.{place}" for place, name in enumerate((*POSTFIX, *SCRIPTED, "outside", *MAILBOXES), 1)}
MAILBOX_PORTS = [(HOSTS[name], port) for name in MAILBOXES for port in (110, 143, 587, 993, 995)]
#: The address of ``mx1`` by another name, in the zone that is not signed.
PLAIN_HOST = "mx.plain.vn"


@dataclass(frozen=True)
class PlantedDomain:
    """A mail domain: its records, what must fail, and what cannot be decided.

    ``mx`` are its MX hosts (``.``: a null MX); an empty record is not published. ``selectors`` are those declared,
    ``undeclared`` the MX hosts that are not among the endpoints.
    """

    name: str
    failing: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    mx: tuple[str, ...] = ("mx1.host.vn",)
    spf: str = "v=spf1 ip4:11.2.0.0/24 -all"
    dmarc: str = "v=DMARC1; p=reject; rua=mailto:dmarc@{0}"
    dkim: str = f"v=DKIM1; k=rsa; p={RSA_2048}"
    sts: str = "v=STSv1; id=20260101"
    policy: str = ENFORCED
    reporting: str = "v=TLSRPTv1; rua=mailto:tls@{0}"
    more: str = ""
    selectors: tuple[str, ...] = ("mail",)
    undeclared: tuple[str, ...] = ()

    def zone(self) -> str:
        """The lines of the zone file, below ``vn``."""
        name = f"{self.name}."
        lines = [f"{name} MX {10 * place} {host.rstrip('.')}." for place, host in enumerate(self.mx)]
        lines += [f'{name} TXT "{text}"' for text in filter(None, self.spf.split("|"))]
        lines += [
            f'{place}{name} TXT "{text.format(self.name)}"'
            for place, text in (("_dmarc.", self.dmarc), ("_mta-sts.", self.sts), ("_smtp._tls.", self.reporting))
            if text
        ]
        if self.sts:
            lines.append(f"mta-sts.{name} A {WEB}")
        key = dkim_record(f"mail._domainkey.{name}", self.dkim) if self.dkim else ""
        return "\n".join([*lines, key, self.more.format(name)]) + "\n"

    def endpoints(self) -> list[str]:
        """What is declared."""
        hosts = [host for host in self.mx if host != "." and host not in self.undeclared]
        web = [f"https://mta-sts.{self.name}/"] if self.sts else []
        return [f"mail:{self.name}", *web, *(f"smtp://{host}" for host in hosts)]


def _domain(name: str, *failing: str, unclear: Sequence[str] = (), **more: object) -> PlantedDomain:
    return PlantedDomain(f"{name}.vn", frozenset(failing), frozenset(unclear), **more)  # type: ignore[arg-type]


_MORE_LOOKUPS = " ".join(f"a:mx{number % 2 + 1}.names.vn" for number in range(11))
_NO_MAIL: dict[str, object] = {
    "mx": (".",),
    "spf": "v=spf1 -all",
    "dkim": "",
    "sts": "",
    "reporting": "",
    "selectors": (),
}
_NO_KEYS = ("dkim-keys-valid", "dkim-keys-strong")

#: Every domain has one planted fault or none; what else follows from the fault is listed, too.
DOMAINS: tuple[PlantedDomain, ...] = (
    _domain("clean"),
    _domain("nospf", "spf-published", "spf-rejects-others", spf=""),
    _domain("twospf", "spf-published", "spf-rejects-others", spf="v=spf1 mx -all|v=spf1 -all"),
    _domain("badspf", "spf-published", "spf-rejects-others", spf="v=spf1 ipv4:11.2.0.1 -all"),
    _domain("loop", "spf-published", "spf-rejects-others", spf="v=spf1 include:loop.vn -all"),
    _domain("lookups", "spf-published", "spf-rejects-others", spf=f"v=spf1 {_MORE_LOOKUPS} -all"),
    _domain("voids", "spf-published", "spf-rejects-others", spf="v=spf1 a:x1.vn a:x2.vn a:x3.vn -all"),
    _domain("plusall", "spf-rejects-others", "spf-limits-senders", "spf-networks-narrow", spf="v=spf1 +all"),
    _domain(
        "halves",
        *("spf-rejects-others", "spf-limits-senders", "spf-networks-narrow"),
        spf="v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all",
    ),
    _domain("neutral", "spf-rejects-others", spf="v=spf1 mx ?all"),
    _domain("soft", spf="v=spf1 mx ~all"),
    _domain("wide", "spf-networks-narrow", spf="v=spf1 ip4:11.0.0.0/9 -all"),
    _domain("ptr", "spf-without-ptr", spf="v=spf1 mx ptr -all"),
    _domain("late", "spf-terms-effective", spf="v=spf1 mx -all ip4:11.2.0.9"),
    _domain("voidterm", "spf-terms-effective", spf="v=spf1 mx a:x1.vn -all"),
    _domain("unseen", unclear=(*SPF, "no-mail-domain-closed"), spf="v=spf1 include:broken.vn -all"),
    _domain("nodmarc", "dmarc-published", "dmarc-enforced", dmarc=""),
    _domain("watched", "dmarc-enforced", dmarc="v=DMARC1; p=none; rua=mailto:dmarc@{0}"),
    _domain("testing", "dmarc-enforced", dmarc="v=DMARC1; p=quarantine; t=y; rua=mailto:dmarc@{0}"),
    _domain("sub", "dmarc-subdomains-enforced", dmarc="v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@{0}"),
    _domain("absent", "dmarc-subdomains-enforced", dmarc="v=DMARC1; p=reject; np=none; rua=mailto:dmarc@{0}"),
    _domain("pct", "dmarc-tags-current", dmarc="v=DMARC1; p=reject; pct=10; rua=mailto:dmarc@{0}"),
    _domain("mistyped", "dmarc-tags-current", dmarc="v=DMARC1; p=reject; aspf=strict; rua=mailto:dmarc@{0}"),
    _domain("norua", "dmarc-reports-received", dmarc="v=DMARC1; p=reject"),
    _domain("badrua", "dmarc-reports-received", dmarc="v=DMARC1; p=reject; rua=dmarc@{0}"),
    _domain("foreign", "dmarc-reports-received", dmarc="v=DMARC1; p=reject; rua=mailto:a@collector.vn"),
    _domain("agreed", dmarc="v=DMARC1; p=reject; rua=mailto:a@collector.vn"),
    _domain("nokey", "dkim-keys-valid", dkim=""),
    _domain("revoked", "dkim-keys-valid", dkim="v=DKIM1; p="),
    _domain("testkey", "dkim-keys-valid", dkim=f"v=DKIM1; t=y; p={RSA_2048}"),
    _domain("shortkey", "dkim-keys-strong", dkim=f"v=DKIM1; p={RSA_1024}"),
    _domain("undeclared", unclear=_NO_KEYS, selectors=()),
    _domain("alias", "mx-records-sound", mx=("alias.host.vn",)),
    _domain(
        "nowhere",
        "mx-records-sound",
        mx=("mx1.host.vn", "nowhere.host.vn"),
        unclear=(*SERVERS, "tlsa-records-match"),
    ),
    _domain("inclear", "mail-servers-start-tls", "mta-sts-mail-servers-valid", mx=("clear.host.vn",)),
    _domain("expired", "mta-sts-mail-servers-valid", mx=("expired.host.vn",)),
    _domain("othername", "mta-sts-mail-servers-valid", mx=("othername.host.vn",)),
    _domain(
        "pattern",
        "mta-sts-mail-servers-valid",
        mx=("bare.host.vn",),
        policy=ENFORCED.replace("*.host.vn", "*.other.vn"),
    ),
    _domain("mismatch", "tlsa-records-match", mx=("mismatch.host.vn",)),
    _domain("unusable", "tlsa-records-match", mx=("unusable.host.vn",)),
    _domain("unsignedhost", "tlsa-records-match", mx=(PLAIN_HOST,)),
    _domain("unsigned.plain", "tlsa-records-match"),
    _domain("nopolicy", "mta-sts-policy-usable", policy=""),
    _domain("badrecord", "mta-sts-policy-usable", sts="v=STSv1; id=first-of-may"),
    _domain("shortage", "mta-sts-policy-lasting", policy=ENFORCED.replace("1209600", "86400")),
    _domain("noreports", "tls-reporting-usable", reporting=""),
    _domain("badreports", "tls-reporting-usable", reporting="v=TLSRPTv1; rua=tls@{0}"),
    _domain("opportunistic", mx=("bare.host.vn",), sts="", reporting=""),
    _domain("waiting", mx=("waiting.host.vn",)),
    _domain("busy", mx=("busy.host.vn",), unclear=SERVERS),
    _domain("blocking", mx=("blocking.host.vn",), unclear=SERVERS),
    _domain("ssh", "mail-servers-answer", mx=("ssh.host.vn",), unclear=SERVERS[1:]),
    _domain("outside", mx=("outside.host.vn",), undeclared=("outside.host.vn",), unclear=SERVERS),
    _domain("logo", "bimi-record-valid", more='default._bimi.{0} TXT "v=BIMI1; l=http://logo.vn/logo.svg"'),
    _domain("nomail", unclear=_NO_KEYS, **(_NO_MAIL | {"dmarc": "v=DMARC1; p=reject; rua=mailto:a@{0}"})),
    _domain("hollow", "no-mail-domain-closed", unclear=_NO_KEYS, **(_NO_MAIL | {"spf": "v=spf1 ip4:11.2.0.1 -all"})),
    _domain(
        "weak",
        "no-mail-domain-closed",
        unclear=_NO_KEYS,
        **(_NO_MAIL | {"dmarc": "v=DMARC1; p=quarantine; rua=mailto:a@{0}"}),
    ),
)


@dataclass(frozen=True)
class MailInternet:
    """The running internet: ``wrap`` runs a command in it; ``roots`` is the file with the root of the certificates."""

    wrap: list[str]
    roots: Path


@dataclass
class _Built:
    folder: Path
    domains: Sequence[PlantedDomain]
    authority: Identity = field(default_factory=lambda: root(key=rsa_key()))
    files: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    digest: str = ""

    def identities(self) -> None:
        """Write the certificates; the digest of the good one's key is for TLSA records."""
        between, key = intermediate(self.authority, key=rsa_key()), rsa_key()
        names = ["*.host.vn", PLAIN_HOST]
        web = [f"mta-sts.{domain.name}" for domain in self.domains]
        issued = {
            "good": issue("host.vn", between, key=key, dns=names),
            "expired": issue("host.vn", between, key=rsa_key(), dns=names, days=(-30, -2)),
            "othername": issue("host.vn", between, key=rsa_key(), dns=["mail.other.vn"]),
            "web": issue("web.vn", between, key=rsa_key(), dns=web),
        }
        self.files = {name: identity.write(self.folder, name) for name, identity in issued.items()}
        for certificate, private in self.files.values():
            certificate.chmod(0o644)
            private.chmod(0o644)
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.digest = hashlib.sha256(spki).hexdigest()
        (self.folder / "roots.pem").write_bytes(self.authority.pem)

    def zones(self) -> ZoneSet:
        """The zones, signed but for ``plain.vn``."""
        zone_set = ZoneSet(self.folder)
        plain = "".join(each.zone() for each in self.domains if each.name.endswith(".plain.vn"))
        tlsa = f"TLSA 3 1 1 {self.digest}\n"
        server = "@ NS ns.vn.\n"
        zone_set.add("plain.vn", f"{server}mx A {HOSTS['mx1']}\n_25._tcp.mx {tlsa}{plain}")
        hosts = "".join(f"{name}.host A {address}\n" for name, address in HOSTS.items())
        hosts += "alias.host CNAME bare.host\nmx1.names A 11.2.0.1\nmx2.names A 11.2.0.1\n"
        hosts += f"_25._tcp.mx1.host {tlsa}_25._tcp.mx1.host TLSA 3 1 1 {'00' * 32}\n"
        hosts += f"_25._tcp.mismatch.host TLSA 3 1 1 {'11' * 32}\n_25._tcp.unusable.host TLSA 1 1 1 {self.digest}\n"
        others = 'agreed.vn._report._dmarc.collector TXT "v=DMARC1"\n'
        others += "plain NS ns.vn.\nbroken NS ns.vn.\n"
        domains = "".join(each.zone() for each in self.domains if each.name.count(".") == 1)
        zone_set.add("vn", f"{server}ns A {SERVER}\n{hosts}{others}{domains}", SIGNED)
        ds = "".join(f"{line}\n" for line in zone_set.ds["vn"])
        zone_set.add(".", f"@ NS ns.vn.\nvn. NS ns.vn.\nns.vn. A {SERVER}\n{ds}", SIGNED)
        zone_set.zones["broken.vn"] = self.folder / "there-is-no-such-file"
        return zone_set

    def dns(self) -> None:
        """The configurations of BIND and Unbound."""
        zone_set = self.zones()
        blocks = "".join(
            f'zone "{name}" {{ type primary; file "{path}"; }};\n' for name, path in zone_set.zones.items()
        )
        (self.folder / "named.conf").write_text(
            f'options {{ directory "{self.folder}"; pid-file none; session-keyfile none; listen-on {{ {SERVER}; }};'
            " listen-on-v6 { none; }; recursion no; dnssec-validation no; empty-zones-enable no; notify no;"
            f" check-integrity no; }};\ncontrols {{ }};\nlogging {{ category default {{ null; }}; }};\n{blocks}"
        )
        (self.folder / "root.hints").write_text(f". 3600 NS ns.vn.\nns.vn. 3600 A {SERVER}\n")
        (self.folder / "anchors").write_text("".join(f"{line}\n" for line in zone_set.anchors()))
        (self.folder / "unbound.conf").write_text(
            f'server:\n interface: {RESOLVER}\n access-control: 0.0.0.0/0 allow\n do-ip6: no\n chroot: ""\n'
            f' username: ""\n directory: "{self.folder}"\n pidfile: ""\n use-syslog: no\n logfile: ""\n'
            f' root-hints: "{self.folder}/root.hints"\n trust-anchor-file: "{self.folder}/anchors"\n'
            ' do-daemonize: no\n module-config: "validator iterator"\nremote-control:\n control-enable: no\n'
        )

    def postfix(self) -> Path:
        """The configuration of Postfix with one service for each mail server, and its folder."""
        etc, queue, data = (self.folder / "postfix" / each for each in ("etc", "queue", "data"))
        for each in (etc, queue, data):
            each.mkdir(parents=True)
        os.chown(data, _postfix_user(), -1)
        (etc / "main.cf").write_text(
            "compatibility_level = 3.6\nmail_owner = postfix\nsetgid_group = postdrop\ninet_protocols = ipv4\n"
            f"queue_directory = {queue}\ndata_directory = {data}\ndaemon_directory = /usr/lib/postfix/sbin\n"
            "command_directory = /usr/sbin\n"
            f"inet_interfaces = {', '.join(HOSTS[name] for name in (*POSTFIX, *MAILBOXES))}\n"
            "myhostname = mail.host.vn\nmydestination =\nlocal_recipient_maps =\nalias_maps =\nmynetworks =\n"
            "smtputf8_enable = no\nsmtpd_tls_security_level = may\nmaillog_file = /dev/stdout\n"
            "smtpd_peername_lookup = no\nsmtpd_junk_command_limit = 1000\nsmtpd_client_connection_rate_limit = 0\n"
            "smtpd_client_connection_count_limit = 0\npostscreen_greet_wait = 2s\npostscreen_greet_action = ignore\n"
            f"postscreen_cache_map =\n{self._chain('good', 'smtpd')}"
        )
        services = "".join(self._service(name, identity) for name, identity in POSTFIX.items())
        services += "".join(self._submission(name, identity) for name, (identity, _) in MAILBOXES.items())
        (etc / "master.cf").write_text(
            f"{services}smtpd pass - - n - - smtpd\ntlsproxy unix - - n - 0 tlsproxy\ndnsblog unix - - n - 0 dnsblog\n"
            "anvil unix - - n - 1 anvil\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\n"
            "proxymap unix - - n - - proxymap\npostlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\n"
        )
        return etc

    def _service(self, name: str, identity: str) -> str:
        where = f"{HOSTS[name]}:25 inet n - n"
        if name == "waiting":
            return f"{where} - 1 postscreen\n"
        if not identity:
            return f"{where} - - smtpd\n  -o smtpd_tls_security_level=none\n"
        certificate, key = self.files[identity]
        return f"{where} - - smtpd\n  -o smtpd_tls_chain_files={key},{certificate}\n"

    def _submission(self, name: str, identity: str) -> str:
        certificate, key = self.files[identity]
        return (
            f"{HOSTS[name]}:587 inet n - n - - smtpd\n  -o smtpd_tls_chain_files={key},{certificate}\n"
            "  -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_security_options=noanonymous\n"
            f"  -o smtpd_tls_auth_only={'no' if name == 'clearbox' else 'yes'}\n"
        )

    def dovecot(self, name: str) -> Path:
        """The configuration of Dovecot at a host."""
        identity, more = MAILBOXES[name]
        folder = self.folder / name
        folder.mkdir()
        folder.chmod(0o755)
        settings = dovecot_settings(folder, *self.files[identity], ["imap", "pop3"])
        path = folder / "dovecot.conf"
        path.write_text(settings.replace("127.0.0.1", HOSTS[name]).replace("ssl = yes\n", "") + more)
        return path

    def _chain(self, identity: str, service: str) -> str:
        certificate, key = self.files[identity]
        return f"{service}_tls_chain_files = {key}, {certificate}\n"

    def nginx(self) -> Path:
        """The configuration of the policy hosts."""
        certificate, key = self.files["web"]
        blocks = "".join(
            f"server {{ listen {WEB}:443 ssl; server_name mta-sts.{domain.name}; ssl_certificate {certificate};"
            f" ssl_certificate_key {key}; location = /.well-known/mta-sts.txt {{ default_type text/plain;"
            f" return {f'''200 '{domain.policy}' ''' if domain.policy else '404'}; }} }}\n"
            for domain in self.domains
            if domain.sts
        )
        temporary = " ".join(
            f"{each}_temp_path {self.folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = self.folder / "nginx.conf"
        path.write_text(
            f"user root; daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr crit;\n"
            f"events {{ worker_connections 512; }}\nhttp {{ access_log off; {temporary}\n"
            f"server_names_hash_bucket_size 128;\n{blocks} }}\n"
        )
        return path


#: A server that sends its first line, then nothing: ADDRESS LINE ADDRESS LINE …
_SCRIPTED = """
import socketserver, sys, threading
def serve(address, line):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(line)
            self.request.settimeout(5)
            try:
                self.request.recv(512)
            except OSError:
                pass
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer((address, 25), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
words = sys.argv[1:]
for address, line in zip(words[::2], words[1::2]):
    serve(address, line.encode().decode("unicode_escape").encode())
print("ready", flush=True)
sys.stdin.read()
"""


def _postfix_user() -> int:
    import pwd

    try:
        return pwd.getpwnam("postfix").pw_uid
    except KeyError:
        return pytest.skip("the user postfix is missing: install the Debian package postfix")


@contextlib.contextmanager
def network(addresses: Sequence[str]) -> Iterator[list[str]]:
    """A network with these addresses, for root; gives what runs a command in it."""
    needs_namespaces()
    if os.geteuid() != 0:
        pytest.skip("a network in which Postfix runs needs root")
    setup = ["ip link set lo up", *(f"ip addr add {each}/32 dev lo" for each in addresses)]
    # Dovecot takes a client at its own address for secured.
    others = [HOSTS[name] for name in MAILBOXES]
    setup += [f"ip route replace local {each} dev lo src {RESOLVER} table local" for each in others]
    command = ["unshare", "--net", "sh", "-c", " && ".join([*setup, "echo ready", "exec cat"])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
    finally:
        _end(process)


@contextlib.contextmanager
def mail_internet(domains: Sequence[PlantedDomain] = DOMAINS) -> Iterator[MailInternet]:
    """Build and run everything for these domains, in a folder that every server's user can read."""
    for needed in ("ip", "unbound", "postfix", "nginx", "dovecot"):
        program(needed)
    with tempfile.TemporaryDirectory(prefix="mail-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with _running(Path(folder), domains) as internet:
            yield internet


@contextlib.contextmanager
def _running(folder: Path, domains: Sequence[PlantedDomain]) -> Iterator[MailInternet]:
    built = _Built(folder, domains)
    built.identities()
    built.dns()
    etc, nginx = built.postfix(), built.nginx()
    with network([RESOLVER, SERVER, WEB, *HOSTS.values()]) as wrap, contextlib.ExitStack() as running:
        log = running.enter_context((folder / "log").open("wb"))
        _started(running, [*wrap, programs()["named"], "-f", "-n", "1", "-c", str(folder / "named.conf")], log)
        _started(running, [*wrap, program("unbound"), "-d", "-c", str(folder / "unbound.conf")], log)
        _started(running, [*wrap, program("nginx"), "-c", str(nginx), "-e", "stderr", "-p", str(folder)], log)
        stop = [*wrap, program("postfix"), "-c", str(etc), "abort"]
        _started(running, [*wrap, program("postfix"), "-c", str(etc), "start-fg"], log)
        running.callback(lambda: subprocess.run(stop, check=False, capture_output=True, timeout=20))
        words = [word for name, line in SCRIPTED.items() for word in (HOSTS[name], line)]
        for name in MAILBOXES:
            _started(running, [*wrap, program("dovecot"), "-F", "-c", str(built.dovecot(name))], log)
        scripted = subprocess.Popen(
            [*wrap, sys.executable, "-c", _SCRIPTED, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.callback(_end, scripted)
        assert scripted.stdout is not None
        assert scripted.stdout.readline() == "ready\n"
        _wait(wrap, folder / "log")
        yield MailInternet(wrap, folder / "roots.pem")


def _started(running: contextlib.ExitStack, command: list[str], log: object) -> None:
    process = subprocess.Popen(command, stdout=log, stderr=log)  # type: ignore[call-overload]
    running.callback(_end, process)


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _wait(wrap: Sequence[str], log: Path) -> None:
    """Wait until the resolver validates a name, and Postfix and nginx accept connections."""
    dig = [programs()["dig"], f"@{RESOLVER}", "+time=1", "+tries=1", "+adflag", "ns.vn", "A"]
    listening = "import socket\nfor address in " + repr(
        [(HOSTS[each], 25) for each in POSTFIX] + [(WEB, 443), *MAILBOX_PORTS]
    )
    listening += ":\n    socket.create_connection(address, 1).close()"
    deadline = time.monotonic() + 60
    said = ""
    while time.monotonic() < deadline:
        said = subprocess.run([*wrap, *dig], capture_output=True, text=True, check=False).stdout
        connects = subprocess.run([*wrap, sys.executable, "-c", listening], capture_output=True, check=False)
        if " ad" in said and connects.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"the mail internet does not answer: {said} {log.read_text()}")
