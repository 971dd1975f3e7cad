"""Remedies for OCSP stapling, applied to nginx and Apache httpd with a certificate that demands a staple."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from inspector import Outcome, SubjectResult, Verdict
from inspector.registry.registry import installed
from inspector.testing import run_probe
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import certificates
from tests.plugins.inspector_tls.authority import MUST_STAPLE, Identity, intermediate, issue, response, root
from tests.plugins.inspector_tls.servers import ADDRESS, free_port, running
from tests.remedies.servers import NAME, settings_of
from tests.remedies.test_remedies import STAPLING, all_remedies

#: The roots of Debian, which the test's own root stands for.
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
REMEDIES = {(check, product): remedy for check, product, remedy in all_remedies() if check in STAPLING}


@dataclass(frozen=True, slots=True)
class Issued:
    """A folder with a certificate that demands a staple, its key, the root, and a response that has expired."""

    folder: Path
    certificate: Path
    key: Path
    root: Path
    expired: Path


@contextlib.contextmanager
def _responder(answer: Callable[[], bytes]) -> Iterator[int]:
    """An OCSP responder, by its port."""

    class Responder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer()
            self.send_response(200)
            self.send_header("Content-Type", "application/ocsp-response")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer((ADDRESS, 0), Responder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def issued() -> Iterator[Issued]:
    """The certificate; its responder signs with a key of its own, so that the server needs the root to verify it."""
    top = root()
    issuer = intermediate(top)
    delegate = issue("Responder", issuer, purpose=x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING)
    made: list[Identity] = []
    with (
        _responder(lambda: response(made[0], issuer, signer=delegate)) as port,
        tempfile.TemporaryDirectory(prefix="stapling-", dir="/tmp", ignore_cleanup_errors=True) as name,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        location = x509.UniformResourceIdentifier(f"http://{ADDRESS}:{port}/")
        access = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.OCSP, location)
        extensions = [MUST_STAPLE, (x509.AuthorityInformationAccess([access]), False)]
        made.append(issue(NAME, issuer, dns=[NAME], extensions=extensions))
        certificate, key = made[0].write(folder, "server")
        key.chmod(0o644)
        roots, expired = folder / "roots.pem", folder / "expired.der"
        roots.write_bytes(top.pem)
        expired.write_bytes(response(made[0], issuer, days=(-9, -2)))
        yield Issued(folder, certificate, key, roots, expired)


@contextlib.contextmanager
def nginx(at: Issued, lines: tuple[str, ...], *, weak: bool) -> Iterator[int]:
    """nginx without stapling, or (``weak``) with a file that nobody has renewed."""
    port, path = free_port(), at.folder / "nginx.conf"
    own = ["ssl_stapling on;", f"ssl_stapling_file {at.expired};"] if weak else []
    temporary = " ".join(
        f"{each}_temp_path {at.folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(
        f"daemon off; master_process off; pid {at.folder}/pid; error_log stderr crit;\nevents {{ }}\n"
        f"http {{ access_log off; {temporary}\nserver {{ listen {ADDRESS}:{port} ssl; server_name {NAME};\n"
        f"ssl_certificate {at.certificate}; ssl_certificate_key {at.key};\n{settings_of(own, lines)}\n}} }}\n"
    )
    with running(("nginx", "-c", path, "-e", "stderr", "-p", at.folder), port):
        yield port


@contextlib.contextmanager
def apache(at: Issued, lines: tuple[str, ...], *, weak: bool) -> Iterator[int]:
    """Apache httpd without stapling; it fetches every response itself, so that none is ever expired."""
    port, path = free_port(), at.folder / "apache.conf"
    modules = "\n".join(
        f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so"
        for each in ("mpm_event", "authz_core", "ssl", "socache_shmcb")
    )
    path.write_text(
        f"ServerRoot {at.folder}\nPidFile {at.folder}/pid\nErrorLog /dev/null\nServerName {NAME}\n{modules}\n"
        f"Define APACHE_RUN_DIR {at.folder}\nDefaultRuntimeDir {at.folder}\nUser nobody\nGroup nogroup\n"
        f"Listen {ADDRESS}:{port}\n{settings_of((), lines)}\n<VirtualHost {ADDRESS}:{port}>\nServerName {NAME}\n"
        f"SSLEngine on\nSSLCertificateFile {at.certificate}\nSSLCertificateKeyFile {at.key}\n</VirtualHost>\n"
    )
    with running(("/usr/sbin/apache2", "-X", "-f", path), port):
        yield port


SERVERS = {"nginx": nginx, "apache": apache}


def verdict(check: str, at: Issued, port: int) -> Verdict:
    """The verdict of a check on the certificates that a server sends."""
    done = run_probe(certificates, f"https://{NAME}:{port}/", address=ADDRESS, declared_roots=at.root.read_bytes())
    return installed().checks[check].evaluate([SubjectResult(done.target.subject, done.seen(Certificates))], {})


def _await_staple(port: int) -> None:
    """Connect until the server has fetched its response, which nginx does after the first connection."""
    where = f"{ADDRESS}:{port}"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        command = ["openssl", "s_client", "-connect", where, "-servername", NAME, "-status"]
        done = subprocess.run(command, input=b"", capture_output=True, check=False)
        if b"OCSP Response Status: successful" in done.stdout:
            return
        time.sleep(0.05)
    raise AssertionError("no staple is sent")


@pytest.mark.parametrize(("check", "product"), sorted(REMEDIES))
def test_a_remedy_makes_its_check_pass(issued: Issued, check: str, product: str) -> None:
    """The server sends a fresh response that it has verified, whatever it sent before."""
    remedy, server = REMEDIES[check, product], SERVERS[product]
    assert remedy.tried
    weak = check == "certificate-staple-good" and product == "nginx"
    with server(issued, (), weak=weak) as port:
        before = verdict(check, issued, port)
    fails = weak or check == "certificate-stapled-when-required"
    assert before.outcome is (Outcome.FAIL if fails else Outcome.NOT_APPLICABLE), before
    lines = tuple(line.replace(ROOTS, str(issued.root)) for line in remedy.lines)
    with server(issued, lines, weak=weak) as port:
        _await_staple(port)
        after = verdict(check, issued, port)
    assert after.outcome is Outcome.PASS, after
