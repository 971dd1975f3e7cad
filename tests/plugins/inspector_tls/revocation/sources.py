"""Responders and lists on loopback for certificates that name them, and scans of servers with such certificates."""

from __future__ import annotations

import contextlib
import datetime
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from inspector.declare.authorisation import LOOPBACK_RATES, Authorisation, AuthorisationKind, Covers, PortRange
from inspector.model.base import now
from inspector.testing import ProbeRun, run_probe
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import certificates
from inspector_tls.revocation.observations import CertificateStatus, Revocation
from inspector_tls.revocation.probe import revocation
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import DAY, Identity, issue

#: The server's own name, and names that are this machine's by definition (RFC 6761 §6.3).
HOST = "www.example.vn"
RESPONDER, LISTS = "ocsp.localhost", "crl.localhost"


def naming(*, ocsp: Sequence[str] = (), crls: Sequence[str] = ()) -> list[tuple[x509.ExtensionType, bool]]:
    """The extensions in which a certificate names its responders and lists."""
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if ocsp:
        access = [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
            for url in ocsp
        ]
        extensions.append((x509.AuthorityInformationAccess(access), False))
    if crls:
        points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in crls]
        extensions.append((x509.CRLDistributionPoints(points), False))
    return extensions


def leaf(issuer: Identity, *, ocsp: Sequence[str] = (), crls: Sequence[str] = (), **options: object) -> Identity:
    """A server's certificate that names these."""
    return issue(HOST, issuer, dns=[HOST], extensions=naming(ocsp=ocsp, crls=crls), **options)  # type: ignore[arg-type]


def revoked_list(
    issuer: Identity,
    revoked: Sequence[Identity] = (),
    *,
    signer: Identity | None = None,
    days: tuple[int, int] = (-1, 6),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    more: int = 0,
) -> bytes:
    """The DER of a list by ``issuer`` (or in its name by another), of and until these days counted from now.

    ``more``: the number of entries about certificates that do not exist.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now + days[0] * DAY)
        .next_update(now + days[1] * DAY)
        .add_extension(x509.CRLNumber(7), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    serials = [each.certificate.serial_number for each in revoked]
    for serial in (*serials, *range(1, 1 + more)):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY)
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign((signer or issuer).key, hashes.SHA256()).public_bytes(Encoding.DER)


def index(folder: Path, known: Sequence[Identity], revoked: Sequence[Identity] = ()) -> Path:
    """The table from which ``openssl ocsp`` answers: what an authority issued, and what of it is revoked."""
    lines = []
    for each in (*known, *revoked):
        certificate = each.certificate
        serial = f"{certificate.serial_number:X}"
        serial = serial if len(serial) % 2 == 0 else f"0{serial}"
        until = f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
        since = f"{datetime.datetime.now(datetime.UTC) - DAY:%y%m%d%H%M%SZ},keyCompromise"
        status, gone = ("R", since) if each in revoked else ("V", "")
        lines.append("\t".join((status, until, gone, serial, "unknown", f"/CN={HOST}")))
    file = folder / "index.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@contextlib.contextmanager
def responder(
    folder: Path, port: int, table: Path, issuer: Identity, *arguments: str, signer: Identity | None = None
) -> Iterator[None]:
    """``openssl ocsp`` answering for the issuer from this table, signed by it or by another."""
    certificate, key = (signer or issuer).write(folder, "responder")
    authority, _key = issuer.write(folder, "authority", chain=())
    command = ("openssl", "ocsp", "-index", table, "-port", str(port), "-CA", authority, "-rsigner", certificate)
    lasting = () if "-ndays" in arguments else ("-ndays", "2")
    process = subprocess.Popen(
        (*command, "-rkey", key, "-ignore_err", *lasting, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        # A connection without a request, the usual test whether a server listens, stops this one.
        assert process.stdout is not None
        assert any(line.startswith(b"ACCEPT") for line in process.stdout)
        yield
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def files(folder: Path, port: int, contents: dict[str, bytes]) -> Iterator[None]:
    """nginx serving these files by name over plain HTTP."""
    root = folder / f"files-{port}"
    root.mkdir()
    for name, data in contents.items():
        (root / name).write_bytes(data)
    configuration = folder / f"files-{port}.conf"
    configuration.write_text(
        f"user root; daemon off; master_process off; pid {folder}/files-{port}.pid; error_log stderr crit;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};"
        f" uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"server {{ listen {servers.ADDRESS}:{port}; root {root};"
        f" location = /moved {{ return 302 http://{servers.ADDRESS}:{port}/list.crl; }} }} }}\n"
    )
    with servers.running(("nginx", "-c", configuration, "-e", "stderr", "-p", folder), port):
        yield


@dataclass
class Decoy:
    """A port that counts its connections and answers each of them with ``answer``."""

    port: int
    accepted: list[object] = field(default_factory=list)


@contextlib.contextmanager
def decoy(answer: servers.Answer = servers.silent, *, address: str = "127.0.0.1") -> Iterator[Decoy]:
    """A server that counts its connections."""
    counted: list[object] = []

    def count(connection: socket.socket) -> None:
        counted.append(connection.getpeername())
        answer(connection)

    with servers.answering(count, address=address) as port:
        yield Decoy(port, counted)


def sending(reply: bytes) -> servers.Answer:
    """Answer one HTTP request with these bytes, and close."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(reply)

    return answer


def scanned(
    folder: Path,
    identity: Identity,
    *arguments: str | Path,
    roots: bytes = b"",
    authorisation: Authorisation | None = None,
    seconds: int = 2,
) -> ProbeRun:
    """The result of the revocation probe at a server that presents this identity."""
    with servers.openssl(identity.write(folder, "server"), *arguments) as port:
        uri = f"https://{HOST}:{port}/"
        seen = run_probe(certificates, uri, declared_roots=roots, answer_seconds=2).seen(Certificates)
        return run_probe(
            revocation,
            uri,
            seen,
            declared_roots=roots,
            authorisation=authorisation,
            answer_seconds=2,
            source_seconds=seconds,
        )


def granting(*names: str, blocks: tuple[str, ...] = ()) -> Authorisation:
    """An authorisation of these names and addresses, on every port."""
    at = now()
    return Authorisation(
        id="some",
        kind=AuthorisationKind.OWNER_REQUEST,
        granted_by="the test",
        covers=Covers(names=names, blocks=blocks, ports=(PortRange(first=1, last=65535),)),
        valid_from=at - datetime.timedelta(minutes=1),
        valid_until=at + datetime.timedelta(hours=1),
        rates=LOOPBACK_RATES,
    )


def examined(scan: ProbeRun) -> CertificateStatus:
    """The facts of the server's own certificate."""
    return scan.seen(Revocation).certificates[0]
