"""The programs that run a server: each gives a function that starts it at a place and yields its port."""

from __future__ import annotations

import contextlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.agreement import lab
from tests.agreement.environment import Missing, Place, program, running
from tests.agreement.expected import Start

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def dh(name: str) -> str:
    """The path of Diffie-Hellman parameters."""
    return str(HERE / "dh" / f"{name}.pem")


def nginx(directives: str, *identities: str, more: str = "") -> Start:
    """nginx with one TLS server block of these directives; ``more`` is next to the block."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        port = place.free_port()
        shown = "".join(
            f"ssl_certificate {place.keys[each].certificate}; ssl_certificate_key {place.keys[each].key};"
            for each in identities
        )
        other = place.keys["other-p256"]
        beside = more.format(
            listen=f"{place.address}:{port}",
            other=f"ssl_certificate {other.certificate}; ssl_certificate_key {other.key};",
        )
        temporary = " ".join(
            f"{each}_temp_path {place.folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = place.folder / "nginx.conf"
        configuration.write_text(
            f"daemon off; master_process off; pid {place.folder}/pid; error_log stderr crit;\n"
            "events { worker_connections 256; }\n"
            f"http {{ access_log off; {temporary}\n{beside}\n"
            f"server {{ listen {place.address}:{port} ssl; server_name www.example.vn; {shown}\n"
            f"{directives}\nlocation / {{ return 200; }} }} }}\n"
        )
        command = ("nginx", "-c", configuration, "-e", "stderr", "-p", place.folder)
        with running(command, place, port) as listening:
            yield listening

    return start


def s_server(*arguments: str, identity: str = "rsa", second: str = "", stays: bool = False) -> Start:
    """``openssl s_server`` with these arguments: one client at a time, left after the handshake unless it ``stays``."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        port = place.free_port()
        shown = place.keys[identity]
        command = ["openssl", "s_server", "-accept", f"{place.address}:{port}", "-quiet"]
        command += ["-cert", str(shown.certificate), "-cert_chain", str(shown.certificate), "-key", str(shown.key)]
        if second:
            other = place.keys[second]
            command += ["-dcert", str(other.certificate), "-dkey", str(other.key)]
        # It exits when its input ends.
        with running([*command, *arguments], place, port, stdin_open=stays) as listening:
            yield listening

    return start


def gnutls(priority: str, *arguments: str, identity: str = "rsa") -> Start:
    """``gnutls-serv`` with this priority string; it listens at every address."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        port = place.free_port()
        shown = place.keys[identity]
        files = [f"--x509certfile={shown.certificate}", f"--x509keyfile={shown.key}"]
        command = ["gnutls-serv", "--quiet", "--http", f"--port={port}", f"--priority={priority}", *files, *arguments]
        with running(command, place, port) as listening:
            yield listening

    return start


def own(kind: str, *, identity: str = "rsa", port: int = 0) -> Start:
    """A responder of our own; ``port`` 0: a free one."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        where = port or place.free_port()
        shown = place.keys[identity]
        command = [
            sys.executable,
            "-m",
            "tests.agreement.responders",
            kind,
            place.address,
            where,
            shown.certificate,
            shown.key,
        ]
        with running(list(map(str, command)), place, where, environment={"PYTHONPATH": str(ROOT)}) as listening:
            yield listening

    return start


def tlslite(settings: str, *, identity: str = "rsa") -> Start:
    """tlslite-ng with these handshake settings (JSON)."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        where = place.free_port()
        shown = place.keys[identity]
        command = [sys.executable, "-W", "ignore", HERE / "tlslite_server.py", place.address, where]
        command += [shown.certificate, shown.key, settings]
        with running(list(map(str, command)), place, where) as listening:
            yield listening

    return start


def node(release: str, options: str, *, identity: str = "rsa") -> Start:
    """The TLS server of a Node release, for the OpenSSL inside; ``options`` are JavaScript."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        port = place.free_port()
        shown = place.keys[identity]
        script = place.folder / "server.js"
        script.write_text(
            "var tls = require('tls'), fs = require('fs'), constants = require('constants');\n"
            f"var options = {options};\n"
            f"options.cert = fs.readFileSync('{shown.certificate}'); options.key = fs.readFileSync('{shown.key}');\n"
            "process.on('uncaughtException', function () {});\n"
            "var server = tls.createServer(options, function (stream) { stream.on('error', function () {}); });\n"
            f"server.on('clientError', function () {{}}); server.listen({port}, '{place.address}');\n"
        )
        with running([lab.node(release), script], place, port) as listening:
            yield listening

    return start


# --- Servers that speak something else before TLS --------------------------------------------------------------------


def postfix(*more: str) -> Start:
    """Postfix's SMTP server, with more settings."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        etc, queue, data = (place.folder / each for each in ("etc", "queue", "data"))
        for each in (etc, queue, data):
            each.mkdir()
        shutil.chown(data, _user("postfix"))
        shown = place.keys["rsa"]
        (etc / "main.cf").write_text(
            "compatibility_level = 3.6\nmail_owner = postfix\nsetgid_group = postdrop\n"
            f"queue_directory = {queue}\ndata_directory = {data}\ndaemon_directory = /usr/lib/postfix/sbin\n"
            f"command_directory = /usr/sbin\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
            "myhostname = mail.example.vn\nmydestination =\nlocal_recipient_maps =\nalias_maps =\nmynetworks =\n"
            "smtputf8_enable = no\nsmtpd_tls_security_level = may\nmaillog_file = /dev/stdout\n"
            "smtpd_junk_command_limit = 1000\n"
            f"smtpd_tls_chain_files = {shown.key}, {shown.certificate}\n" + "".join(f"{each}\n" for each in more)
        )
        (etc / "master.cf").write_text(
            f"{place.address}:25 inet n - n - - smtpd\n"
            "anvil unix - - n - 1 anvil\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
            "rewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\n"
            "postlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\n"
        )
        command = ("postfix", "-c", etc)
        with running((*command, "start-fg"), place, 25) as listening:
            try:
                yield listening
            finally:  # its master process leaves the session that it was started in
                subprocess.run((*command, "abort"), check=False, capture_output=True, timeout=20)

    return start


def dovecot_settings(folder: Path, certificate: Path, key: Path, protocols: Iterable[str], *, ids: str = "") -> str:
    """The settings of Dovecot with these protocols and one user, without services; raises Missing.

    From release 2.4 on they have other names; ``ids`` are user and group of the mail, as ``UID GID``.
    """
    printed = subprocess.run((program("dovecot"), "--version"), check=True, capture_output=True, text=True, timeout=20)
    release = re.findall(r"\d+", printed.stdout)[:3]
    uid, gid = (ids or "65534 65534").split()
    common = (
        f"listen = 127.0.0.1\nbase_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = /dev/stderr\nssl = yes\n"
    )
    if tuple(map(int, release)) < (2, 4):
        return common + (
            f"protocols = {' '.join(protocols)}\nssl_cert = <{certificate}\nssl_key = <{key}\n"
            f"mail_location = maildir:{folder}/mail\n"
            "passdb {\n driver = static\n args = password=none\n}\n"
            f"userdb {{\n driver = static\n args = uid={uid} gid={gid} home=/tmp\n}}\n"
        )
    version = ".".join(release)
    accepted = "".join(f" {each} = yes\n" for each in protocols)
    return (
        f"dovecot_config_version = {version}\ndovecot_storage_version = {version}\n{common}"
        f"protocols {{\n{accepted}}}\nssl_server_cert_file = {certificate}\nssl_server_key_file = {key}\n"
        f"mail_driver = maildir\nmail_path = {folder}/mail\n"
        "passdb static {\n password = none\n}\n"
        f"userdb static {{\n fields {{\n uid = {uid}\n gid = {gid}\n home = /tmp\n }}\n}}\n"
    )


def dovecot(protocol: str, port: int, *more: str) -> Start:
    """Dovecot with one protocol: imap, pop3, lmtp or sieve, and with more settings."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        service = {"imap": "imap-login", "pop3": "pop3-login", "sieve": "managesieve-login"}.get(protocol, protocol)
        _user("dovecot")
        shown = place.keys["rsa"]
        other = {"imap": "imaps", "pop3": "pop3s"}.get(protocol)
        off = f"inet_listener {other} {{\n port = 0\n }}\n" if other else ""
        configuration = place.folder / "dovecot.conf"
        configuration.write_text(
            dovecot_settings(place.folder, shown.certificate, shown.key, [protocol]).replace("127.0.0.1", place.address)
            + f"service {service} {{\n inet_listener {protocol} {{\n port = {port}\n }}\n {off}}}\n"
            + "".join(f"{each}\n" for each in more)
        )
        with running(("dovecot", "-F", "-c", configuration), place, port) as listening:
            yield listening

    return start


def vsftpd() -> Start:
    """vsftpd on port 21."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        empty = place.folder / "empty"
        empty.mkdir(mode=0o755)
        shown = place.keys["rsa"]
        configuration = place.folder / "vsftpd.conf"
        configuration.write_text(
            f"listen=YES\nlisten_ipv6=NO\nlisten_address={place.address}\nlisten_port=21\nbackground=NO\nssl_enable=YES\n"
            f"anonymous_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={shown.certificate}\nrsa_private_key_file={shown.key}\n"
            f"secure_chroot_dir={empty}\nanon_root={empty}\nssl_ciphers=HIGH\nrequire_ssl_reuse=NO\nseccomp_sandbox=NO\n"
        )
        with running(("vsftpd", configuration), place, 21) as listening:
            yield listening

    return start


def slapd() -> Start:
    """OpenLDAP's server on port 389."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        shown = place.keys["rsa"]
        configuration = place.folder / "slapd.conf"
        configuration.write_text(
            f"pidfile {place.folder}/pid\nTLSCertificateFile {shown.certificate}\nTLSCertificateKeyFile {shown.key}\n"
        )
        command = ("slapd", "-f", configuration, "-h", f"ldap://{place.address}:389/", "-d", "0")
        with running(command, place, 389) as listening:
            yield listening

    return start


def postgres() -> Start:
    """PostgreSQL on port 5432, as a user other than root."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        folder = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
        if folder is None:
            raise Missing("postgresql is not installed")
        shown, key = place.keys["rsa"], place.folder / "server.key"
        key.write_bytes(shown.key.read_bytes())
        key.chmod(0o600)
        for each in (key, place.folder):
            shutil.chown(each, "nobody")
        made = [
            folder / "initdb",
            "-D",
            place.folder / "data",
            "-A",
            "trust",
            "--no-sync",
            "-U",
            "test",
            "--locale",
            "C",
        ]
        subprocess.run(made, user="nobody", check=True, capture_output=True, timeout=60, cwd=place.folder)
        options = {
            "ssl": "on", "ssl_cert_file": shown.certificate, "ssl_key_file": key, "listen_addresses": place.address,
            "unix_socket_directories": place.folder, "fsync": "off",
        }  # fmt: skip
        command = [folder / "postgres", "-D", place.folder / "data", "-p", "5432"]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with running(command, place, 5432, user="nobody", end=signal.SIGINT) as listening:
            yield listening

    return start


def mariadb() -> Start:
    """MariaDB on port 3306."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[int]:
        data = place.folder / "data"
        data.mkdir()
        shown = place.keys["rsa"]
        command = [
            "mariadbd", "--no-defaults", f"--datadir={data}", f"--bind-address={place.address}", "--port=3306",
            f"--socket={place.folder}/s", f"--pid-file={place.folder}/pid", f"--ssl-cert={shown.certificate}",
            f"--ssl-key={shown.key}", "--skip-grant-tables", "--skip-networking=0", "--user=root",
            "--skip-name-resolve", "--innodb-fast-shutdown=3", "--max-connect-errors=1000000",
        ]  # fmt: skip
        with running(command, place, 3306) as listening:
            yield listening

    return start


def _user(name: str) -> str:
    """The name of a user that a Debian package makes; raises Missing."""
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise Missing(f"{name} is not installed") from None
