"""Servers of Debian on loopback whose settings fail the checks that have remedies, and to which remedies are applied.

A remedy is applied as an administrator would: a setting of the same name is replaced, any other is added at its place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inspector.report.remedies import PlacedLines
from tests.agreement.programs import _user, dh, dovecot_settings
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.servers import ADDRESS, free_port, running

#: Suites, curves and primes that fail: anonymous, without encryption, with CBC, without forward secrecy.
SUITES = "ALL:aNULL:eNULL:@SECLEVEL=0"
CURVES = "prime192v1:X25519:prime256v1"
#: The name of parameters with a prime of 1024 bits.
PRIME = "oakley-1024"
NAME = "www.example.vn"
#: Another address than that of clients, which Dovecot would trust.
OTHER_ADDRESS = "127.0.0.2"
#: How a remedy says that a setting has to go, and that the one before it has another name since some release.
REMOVE = "# remove: "
RENAMED = "# from Dovecot 2.4 on: "
#: The files that remedies name.
CERTIFICATE, KEY = "/etc/ssl/certs/server-fullchain.pem", "/etc/ssl/private/server.key"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a server: with TLS (or with STARTTLS), and of plain HTTP; and its address."""

    tls: int
    plain: int = 0
    address: str = ADDRESS


Blocks = Iterable[PlacedLines]
#: What is weak beside what always is: ``dh`` primes, ``signatures``, no ``starttls``, ``early-data``.
Weak = frozenset[str]
Server = Callable[[Blocks, Weak], "contextlib.AbstractContextManager[Ports]"]


class _Application(BaseHTTPRequestHandler):
    """An application that sets a bare cookie, tells its versions, and sends no header that protects."""

    protocol_version = "HTTP/1.1"
    more: tuple[tuple[str, str], ...] = ()

    def do_GET(self) -> None:
        self.send_response_only(200)
        for name, value in (
            ("Content-Type", "text/html"), ("Content-Length", "2"), ("X-Powered-By", "PHP/5.3.3"),
            ("Set-Cookie", "session=1; Path=/"), *self.more,
        ):  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def application(*more: tuple[str, str]) -> Iterator[int]:
    """The application on loopback, which sends these headers too, by its port."""
    handler = type("Application", (_Application,), {"more": more})
    with ThreadingHTTPServer((ADDRESS, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def _needs_user(name: str) -> None:
    """Skip the test where the server is not installed, or where this is not root, which may become its user."""
    if os.geteuid():
        pytest.skip(f"{name} is started by root only")
    _user(name)


@dataclass(frozen=True, slots=True)
class _Files:
    certificate: Path
    key: Path


@contextlib.contextmanager
def _place() -> Iterator[tuple[Path, _Files]]:
    """A folder that the users of all servers can read, with a certificate for the name."""
    with tempfile.TemporaryDirectory(prefix="remedy-", dir="/tmp", ignore_cleanup_errors=True) as made:
        place = Path(made)
        place.chmod(0o755)
        certificate, key = issue(NAME, dns=(NAME,), key=rsa_key()).write(place, "server")
        for each in (certificate, key):
            each.chmod(0o644)
        yield place, _Files(certificate, key)


#: Settings of one name that do not replace one another: headers and rules, also those of a firewall.
_ADDING_UP = frozenset(
    {"add_header", "Header", "http-response", "http-request", "RewriteRule", "proxy_hide_header", "proxy_redirect"}
    | {"ip", "tcp", "udp"}
)


def _name_of(line: str) -> str:
    """What a setting sets; settings of one name replace one another, but headers and rules add up."""
    words = line.replace("=", " = ").split()
    if words[0] == "#":
        return line
    if words[0] == "server" and "=" in words:  # Samba's settings have names of several words
        return " ".join(words[: words.index("=")])
    if words[0] in ("ssl_conf_command", "SSLOpenSSLConfCmd"):
        return " ".join(words[:2])
    adds_up = words[0] in _ADDING_UP
    return line if adds_up or line.startswith("<") else words[0]


def renamed(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines for the releases since which some settings have other names."""
    kept: list[str] = []
    for line in lines:
        if line.startswith(RENAMED):
            kept[-1] = line.removeprefix(RENAMED)
        else:
            kept.append(line)
    return tuple(kept)


def applied(settings: Iterable[str], blocks: Blocks, place: str, files: _Files) -> str:
    """The settings with the lines of the blocks that belong to this place."""
    lines = [
        line.replace(CERTIFICATE, str(files.certificate)).replace(KEY, str(files.key))
        for block in blocks
        if block.place == place
        for line in block.lines
    ]
    return settings_of(settings, lines)


def settings_of(settings: Iterable[str], lines: Iterable[str]) -> str:
    """The settings with these lines, which replace those of the same names."""
    given = list(lines)
    new = {line.removeprefix(REMOVE).split()[0] if line.startswith(REMOVE) else _name_of(line) for line in given}
    return "\n".join([*(each for each in settings if _name_of(each) not in new), *given])


@contextlib.contextmanager
def nginx(blocks: Blocks, weak: Weak) -> Iterator[Ports]:
    """nginx before an application."""
    with _place() as (place, files), application() as behind:
        ports = Ports(free_port(), free_port())
        shown = [f"ssl_certificate {files.certificate};", f"ssl_certificate_key {files.key};"]
        bad = [
            f"ssl_protocols {'TLSv1.2 TLSv1.3' if 'early-data' in weak else 'TLSv1 TLSv1.1 TLSv1.2'};",
            *(f"ssl_ciphers {SUITES};", f"ssl_ecdh_curve {CURVES};", "ssl_session_timeout 9d;"),
            *(("ssl_early_data on;",) if "early-data" in weak else ()),
            "ssl_prefer_server_ciphers off;",
            *((f"ssl_dhparam {dh(PRIME)};",) if "dh" in weak else ()),
            *(("ssl_conf_command SignatureAlgorithms RSA+SHA1:RSA+SHA256;",) if "signatures" in weak else ()),
        ]
        temporary = " ".join(
            f"{each}_temp_path {place};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        passing = applied([], blocks, "location / { proxy_pass …; }", files)
        configuration = place / "nginx.conf"
        configuration.write_text(
            f"daemon off; master_process off; pid {place}/pid; error_log stderr crit;\n"
            f"events {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary}\n"
            f"server {{ listen {ADDRESS}:{ports.tls} ssl; server_name {NAME};\n"
            f"{applied([*shown, *bad], blocks, 'server { … }', files)}\n"
            f"location / {{ proxy_pass http://{ADDRESS}:{behind}; {passing} }} }}\n"
            f"server {{ listen {ADDRESS}:{ports.plain}; server_name {NAME};\n"
            f"{applied([], blocks, 'server { listen 80; … }', files)}\n"
            f"location / {{ proxy_pass http://{ADDRESS}:{behind}; }} }} }}\n"
        )
        with running(("nginx", "-c", configuration, "-e", "stderr", "-p", place), ports.tls):
            yield ports


_APACHE_MODULES = ("mpm_event", "authz_core", "ssl", "headers", "rewrite", "proxy", "proxy_http", "socache_shmcb")


@contextlib.contextmanager
def apache(blocks: Blocks, weak: Weak) -> Iterator[Ports]:
    """Apache httpd before an application."""
    with _place() as (place, files), application() as behind:
        ports = Ports(free_port(), free_port())
        shown = [f"SSLCertificateFile {place}/chain.pem", f"SSLCertificateKeyFile {files.key}"]
        primes = Path(dh(PRIME)).read_bytes() if "dh" in weak else b""
        (place / "chain.pem").write_bytes(files.certificate.read_bytes() + primes)
        bad = [
            *("SSLProtocol -all +TLSv1 +TLSv1.1 +TLSv1.2", f"SSLCipherSuite {SUITES}", "SSLHonorCipherOrder off"),
            *(f"SSLOpenSSLConfCmd Curves {CURVES}", "SSLSessionCacheTimeout 864000"),
            *(("SSLOpenSSLConfCmd SignatureAlgorithms RSA+SHA1:RSA+SHA256",) if "signatures" in weak else ()),
        ]
        modules = "\n".join(
            f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so" for each in _APACHE_MODULES
        )
        passing = f"ProxyPass / http://{ADDRESS}:{behind}/"
        configuration = place / "apache.conf"
        configuration.write_text(
            f"ServerRoot {place}\nPidFile {place}/pid\nErrorLog /dev/null\nServerName {NAME}\n{modules}\n"
            f"DefaultRuntimeDir {place}\nUser nobody\nGroup nogroup\nListen {ADDRESS}:{ports.tls}\n"
            f"Listen {ADDRESS}:{ports.plain}\n"
            f"{applied([], blocks, '/etc/apache2/conf-available/security.conf', files)}\n"
            f"<VirtualHost {ADDRESS}:{ports.tls}>\nServerName {NAME}\nSSLEngine on\n"
            f"{applied([*shown, *bad], blocks, '<VirtualHost *:443>', files)}\n{passing}\n</VirtualHost>\n"
            f"<VirtualHost {ADDRESS}:{ports.plain}>\nServerName {NAME}\n"
            f"{applied([], blocks, '<VirtualHost *:80>', files)}\n{passing}\n</VirtualHost>\n"
        )
        with running(("/usr/sbin/apache2", "-X", "-f", configuration), ports.tls):
            yield ports


@contextlib.contextmanager
def haproxy(blocks: Blocks, _weak: Weak) -> Iterator[Ports]:
    """HAProxy before an application."""
    with _place() as (place, files), application(("Server", "Apache/2.2.15")) as behind:
        ports = Ports(free_port(), free_port())
        shown = place / "shown.pem"
        shown.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
        bad = [
            *("ssl-default-bind-options ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.2 prefer-client-ciphers",),
            *(f"ssl-default-bind-ciphers {SUITES}", f"ssl-default-bind-curves {CURVES}"),
            "tune.ssl.lifetime 864000",
        ]
        configuration = place / "haproxy.cfg"
        configuration.write_text(
            f"global\n{applied(bad, blocks, 'global', files)}\n"
            "defaults\nmode http\ntimeout connect 5s\ntimeout client 30s\ntimeout server 30s\n"
            f"frontend web\nbind {ADDRESS}:{ports.tls} ssl crt {shown}\nbind {ADDRESS}:{ports.plain}\n"
            f"{applied([], blocks, 'frontend', files)}\ndefault_backend application\n"
            f"backend application\nserver one {ADDRESS}:{behind}\n"
        )
        with running(("haproxy", "-db", "-f", configuration), ports.tls):
            yield ports


@contextlib.contextmanager
def postfix(blocks: Blocks, weak: Weak) -> Iterator[Ports]:
    """Postfix's SMTP server."""
    _needs_user("postfix")
    with _place() as (place, files):
        etc, queue, data = (place / each for each in ("etc", "queue", "data"))
        for each in (etc, queue, data):
            each.mkdir()
        shutil.chown(data, "postfix")
        port = 25
        bad = [
            *("smtpd_tls_protocols = <=TLSv1.2", "smtpd_tls_ciphers = medium", f"tls_medium_cipherlist = {SUITES}"),
            *("tls_preempt_cipherlist = no", "smtpd_sasl_auth_enable = yes"),
            *((f"smtpd_tls_dh1024_param_file = {dh(PRIME)}",) if "dh" in weak else ()),
            f"tls_eecdh_auto_curves = {CURVES.replace(':', ' ')}",
            f"smtpd_tls_security_level = {'none' if 'starttls' in weak else 'may'}",
            f"smtpd_tls_chain_files = {files.key}, {files.certificate}",
        ]
        (etc / "main.cf").write_text(
            "compatibility_level = 3.6\nmail_owner = postfix\nsetgid_group = postdrop\n"
            f"queue_directory = {queue}\ndata_directory = {data}\ndaemon_directory = /usr/lib/postfix/sbin\n"
            f"command_directory = /usr/sbin\ninet_interfaces = {ADDRESS}\ninet_protocols = ipv4\n"
            f"myhostname = {NAME}\nmydestination =\nlocal_recipient_maps =\nalias_maps =\nmynetworks =\n"
            "smtputf8_enable = no\nmaillog_file = /dev/stdout\nsmtpd_junk_command_limit = 1000\n"
            f"{applied(bad, blocks, '/etc/postfix/main.cf', files)}\n"
        )
        (etc / "master.cf").write_text(
            f"{ADDRESS}:{port} inet n - n - - smtpd\n"
            "anvil unix - - n - 1 anvil\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
            "rewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\n"
            "postlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\n"
        )
        command = ("postfix", "-c", etc)
        with running((*command, "start-fg"), port):
            try:
                yield Ports(port)
            finally:  # its master process leaves the session that it was started in
                subprocess.run((*command, "abort"), check=False, capture_output=True, timeout=20)


@contextlib.contextmanager
def dovecot(blocks: Blocks, weak: Weak) -> Iterator[Ports]:
    """Dovecot's IMAP server."""
    _needs_user("dovecot")
    with _place() as (place, files):
        port = 143
        own = dovecot_settings(place, files.certificate, files.key, ["imap"]).replace("ssl = yes\n", "")
        own = own.replace(ADDRESS, OTHER_ADDRESS)
        is_renamed = "dovecot_config_version" in own
        primes = f"ssl_server_dh_file = {dh(PRIME)}" if is_renamed else f"ssl_dh = <{dh(PRIME)}"
        bad = [
            *("ssl_min_protocol = TLSv1", f"ssl_cipher_list = {SUITES}", f"ssl_curve_list = {CURVES}"),
            f"ssl = {'no' if 'starttls' in weak else 'yes'}",
            "ssl_server_prefer_ciphers = client" if is_renamed else "ssl_prefer_server_ciphers = no",
            "auth_allow_cleartext = yes" if is_renamed else "disable_plaintext_auth = no",
            *((primes,) if "dh" in weak else ()),
        ]
        if is_renamed:
            blocks = [PlacedLines(block.place, renamed(block.lines)) for block in blocks]
        configuration = place / "dovecot.conf"
        configuration.write_text(
            f"{own}{applied(bad, blocks, '/etc/dovecot/conf.d/10-ssl.conf', files)}\n"
            f"service imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n"
            "inet_listener imaps {\n port = 0\n }\n}\n"
        )
        with running(("dovecot", "-F", "-c", configuration), port, OTHER_ADDRESS):
            yield Ports(port, address=OTHER_ADDRESS)
