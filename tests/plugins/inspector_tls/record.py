"""Record the observations in ``recorded/`` from running servers: ``python -m tests.plugins.inspector_tls.record``.

Files whose names begin with ``handmade-`` are not written here: nobody's server said what stands in them.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from inspector import Observation
from inspector_tls.revocation.observations import Revocation
from tests.agreement.environment import Stage
from tests.agreement.planting import Start
from tests.agreement.programs import gnutls, s_server
from tests.agreement.servers import ZOO
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import (
    MUST_STAPLE,
    PUBLIC,
    Identity,
    forgeable,
    intermediate,
    issue,
    logged,
    response,
    root,
    rsa_key,
)
from tests.plugins.inspector_tls.resumption.ticket_servers import TLS_1_2, ticketing
from tests.plugins.inspector_tls.revocation import sources
from tests.plugins.inspector_tls.scanning import scan, scan_certificates, scan_resumption
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, speaking
from tests.plugins.inspector_tls.starttls.servers import serving, staged

RECORDED = Path(__file__).parent / "recorded"
HOST = "www.example.vn"
OLD = ("-cipher", "ALL:@SECLEVEL=0")
Scan = Callable[..., Observation]
#: Servers of the zoo that differ in suites, keys and flaws.
OF_THE_ZOO = (
    "drops-grease",
    "drops-over-64-suites",
    "gnutls-insecure-renegotiation",
    "gnutls-rc4-3des",
    "nginx-cbc",
    "nginx-modern",
    "nginx-old",
    "nginx-only-tls-1-3",
    "openssl-1-0-0-ssl-2",
    "openssl-3-5-hybrid",
    "openssl-dhe-2048",
    "openssl-dhe-own-prime",
    "openssl-server-order",
    "own-crime",
    "tlslite-ssl-3",
)
REVOKED = ocsp.OCSPCertStatus.REVOKED


def write(name: str, seen: Observation) -> None:
    """Write one observation, readable, into the folder of its kind."""
    text = json.dumps(seen.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
    folder = RECORDED / seen.kind.partition("/")[0]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(text + "\n")


class _Recorder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = root()
        self.between = intermediate(self.root)
        self.good = issue(HOST, self.between, dns=[HOST])

    def serve(self, identity: Identity, *arguments: str | Path) -> AbstractContextManager[int]:
        """An OpenSSL server with this identity."""
        return servers.openssl(identity.write(self.folder, "server"), *arguments)

    def record(self, name: str, port: int, *, at: Scan = scan_certificates, **options: str) -> None:
        """Look at the server and write down what was seen; the test's root is declared and public."""
        write(name, at(port, seconds=1, declared=self.root.pem, public=self.root.pem, **options))

    def versions(self) -> None:
        """Servers that differ in versions."""
        for name, arguments in {
            "modern": (),
            "from-tls-1-0": OLD,
            "only-tls-1-2": ("-tls1_2",),
            "only-tls-1-3": ("-tls1_3",),
        }.items():
            with self.serve(self.good, *arguments) as port:
                self.record(name, port, at=scan)
        modern = servers.speaking_tls(self.good.write(self.folder, "server"))
        for name, version, treatment in (
            ("silent-about-ssl-2", 0x0002, servers.silent),
            ("silent-about-ssl-3", 0x0300, servers.silent),
            ("reset-about-tls-1-1", 0x0302, servers.resetting),
            ("silent-about-tls-1-3", 0x0304, servers.silent),
        ):
            with servers.answering(servers.by_version(modern, version, treatment)) as port:
                self.record(name, port, at=scan)

    def suites(self) -> None:
        """Servers that differ in suites, keys and flaws, those of the zoo among them."""
        short = self.folder / "dh-512.pem"
        subprocess.run(["openssl", "dhparam", "-out", short, "512"], check=True, capture_output=True)
        starts: dict[str, Start] = {server.name: server.start for server in ZOO if server.name in OF_THE_ZOO}
        starts |= {
            "dhe-512": gnutls(
                "NONE:+VERS-TLS1.2:+COMP-NULL:+SIGN-ALL:+AES-128-GCM:+AEAD:+DHE-RSA", f"--dhparams={short}"
            ),
            "small-curve": s_server("-tls1_2", "-groups", "P-192:P-256", "-cipher", "ECDHE+AESGCM:@SECLEVEL=0"),
            "certificate-of-ssl-2": s_server("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", identity="rsa-512"),
        }
        folder = self.folder / "zoo"
        folder.mkdir()
        stage = Stage(folder)
        for name, start in starts.items():
            place = stage.place(name)
            with start(place) as port:
                write(name, scan(port, address=place.address))

    def certificates(self) -> None:
        """Servers that differ in certificates."""
        old = intermediate(self.root, "Old intermediate", key=rsa_key())
        other = root("Other root")
        public = issue(HOST, self.between, dns=[HOST], extensions=[PUBLIC])
        unknown = issue(HOST, intermediate(other), dns=[HOST])
        for name, identity in {
            "modern": self.good,
            "expired": issue(HOST, self.between, dns=[HOST], days=(-30, -2)),
            "not-yet-valid": issue(HOST, self.between, dns=[HOST], days=(2, 30)),
            "wrong-name": issue("other.example.vn", self.between, dns=["other.example.vn", "example.vn"]),
            "common-name-only": issue(HOST, self.between),
            "wildcard": issue("*.example.vn", self.between, dns=["*.example.vn"]),
            "self-signed": issue(HOST, dns=[HOST]),
            "missing-issuer": Identity(self.good.certificate, self.good.key),
            "missing-intermediate": Identity(public.certificate, public.key),
            "unknown-root": unknown,
            "unknown-root-sent": Identity(unknown.certificate, unknown.key, (*unknown.chain, other.certificate)),
            "rsa-1024": issue(HOST, old, key=rsa_key(1024), dns=[HOST]),
            "rsa-2048": issue(HOST, old, key=rsa_key(), dns=[HOST]),
            "sha-1": forgeable(issue(HOST, old, key=rsa_key(), dns=[HOST]), old, hashes.SHA1()),
            "md5": forgeable(issue(HOST, old, key=rsa_key(), dns=[HOST]), old, hashes.MD5()),
            "long-lived": issue(HOST, self.between, dns=[HOST], days=(-1, 400)),
            "logged-twice": issue(HOST, self.between, dns=[HOST], extensions=[logged(b"one", b"two")]),
            "logged-in-one-log": issue(HOST, self.between, dns=[HOST], extensions=[logged(b"one", b"one")]),
            "long-lived-logged-twice": issue(
                HOST, self.between, dns=[HOST], days=(-1, 190), extensions=[logged(b"one", b"two")]
            ),
            "conforming": self.conforming(),
        }.items():
            with self.serve(identity, *OLD, "-no_tls1", "-no_tls1_1") as port:
                self.record(name, port)
        by_address = issue("server", self.between, ip=["127.0.0.1"])
        with self.serve(by_address) as port:
            self.record("address", port, host="127.0.0.1")
        with self.serve(self.good, "-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0") as port:
            self.record("anonymous", port)
        with self.serve(self.good) as port:
            write("no-declared-roots", scan_certificates(port, seconds=1, public=self.root.pem))

    def conforming(self) -> Identity:
        """A certificate to which the browsers' profile does not object."""
        issuer = self.between.certificate
        nowhere = x509.UniformResourceIdentifier("http://ca.example.vn/ca.crt")
        access = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, nowhere)
        list_ = x509.UniformResourceIdentifier("http://ca.example.vn/ca.crl")
        key = self.good.key
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        return issue(
            x509.Name([]),
            self.between,
            key=key,
            extensions=[
                (x509.SubjectAlternativeName([x509.DNSName(HOST)]), True),
                PUBLIC,
                (usage, True),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False),
                (x509.AuthorityInformationAccess([access]), False),
                (x509.CRLDistributionPoints([x509.DistributionPoint([list_], None, None, None)]), False),
                logged(b"one", b"two"),
            ],
        )

    def staples(self) -> None:
        """Servers that differ in what they staple to a certificate that demands it."""
        demanding = issue(HOST, self.between, dns=[HOST], extensions=[MUST_STAPLE])
        delegate = issue("Responder", self.between, purpose=x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING)
        stranger = issue("Stranger", self.between)
        for name, identity, staple in (
            ("must-staple", demanding, None),
            ("must-staple-stapled", demanding, response(demanding, self.between)),
            ("stapled", self.good, response(self.good, self.between, signer=delegate)),
            ("stapled-revoked", self.good, response(self.good, self.between, status=REVOKED)),
            ("stapled-expired", demanding, response(demanding, self.between, days=(-9, -2))),
            ("stapled-by-stranger", self.good, response(self.good, self.between, signer=stranger)),
            ("stapled-for-another", demanding, response(demanding, self.between, about=self.good)),
        ):
            file = self.folder / "staple.der"
            file.write_bytes(staple or b"")
            with self.serve(identity, *(("-status_file", file) if staple else ())) as port:
                self.record(name, port)

    def both_sorts(self) -> None:
        """A server with an RSA certificate and an ECDSA one."""
        rsa = issue(HOST, self.between, key=rsa_key(), dns=[HOST])
        files = (rsa.write(self.folder, "rsa"), self.good.write(self.folder, "ec"))
        directives = "".join(f"ssl_certificate {each[0]}; ssl_certificate_key {each[1]};" for each in files)
        with servers.nginx(self.folder, f"{directives} ssl_protocols TLSv1.2 TLSv1.3;") as port:
            self.record("both-sorts", port)

    def behind_starttls(self) -> None:
        """Servers of the field that differ in what their clients make of a certificate."""
        rsa = rsa_key()
        between = intermediate(self.root, key=rsa_key())
        good = issue(HOST, between, key=rsa, dns=[HOST])
        poor = issue("mx.example.vn", key=rsa_key(1024), dns=["mx.example.vn"], days=(-30, -2))
        private = issue(HOST, root("Own root", key=rsa_key()), key=rsa, dns=[HOST])
        other = issue("example.vn", between, key=rsa, dns=["example.vn"])
        past = issue(HOST, between, key=rsa, dns=[HOST], days=(-30, -2))
        with staged() as stage:
            for name, scheme, identity in (
                ("postfix", "smtp", good),
                ("postfix-poor", "smtp", poor),
                ("dovecot", "imap", good),
                ("dovecot-private", "imap", private),
                ("dovecot-wrong-name", "pop3", other),
                ("vsftpd-expired", "ftp", past),
                ("postgresql-private", "postgresql", private),
                ("postgresql-expired", "postgresql", past),
                ("xmpp-of-the-domain", "xmpp-client", other),
                ("xmpp-server-private", "xmpp-server", private),
            ):
                place = stage.place(name)
                with serving(place, scheme, identity) as port:
                    self.record(name, port, address=place.address, scheme=scheme)
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        bare.maximum_version = ssl.TLSVersion.TLSv1_2
        bare.set_ciphers("AECDH:@SECLEVEL=0")
        with servers.answering(speaking(SCRIPTS["smtp"], bare)) as port:
            self.record("smtp-anonymous", port, scheme="smtp")

    def resumption(self) -> None:
        """Servers that differ in how long their tickets are good."""
        rsa = issue(HOST, key=rsa_key(), dns=[HOST]).write(self.folder, "tickets")
        shown = f"ssl_certificate {rsa[0]}; ssl_certificate_key {rsa[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
        for name, directives in {
            "nginx-five-minutes": "ssl_session_timeout 5m;",
            "nginx-two-days": "ssl_session_timeout 2d;",
            "nginx-nine-days": "ssl_session_timeout 9d;",
        }.items():
            with servers.nginx(self.folder, shown + directives) as port:
                write(name, scan_resumption(port))
        with servers.openssl(rsa, "-no_ticket", "-num_tickets", "0") as port:
            write("openssl-no-tickets", scan_resumption(port))
        for name, answer in {
            "tlslite-ten-days": ticketing(rsa, 300, 864_000),
            "tlslite-left-to-the-client": ticketing(rsa, 0, version=TLS_1_2),
            "tlslite-unresponsive": ticketing(rsa, unresponsive=True),
        }.items():
            with servers.answering(answer) as port:
                write(name, scan_resumption(port))

    def revocations(self) -> None:
        """Servers whose certificates name sources, and what these say."""
        responding, listing = servers.free_port(), servers.free_port()
        named = {
            "ocsp": [f"http://{sources.RESPONDER}:{responding}/"],
            "crls": [f"http://{sources.LISTS}:{listing}/list.crl"],
        }
        both, listed = sources.leaf(self.between, **named), sources.leaf(self.between, crls=named["crls"])
        answered = sources.leaf(self.between, ocsp=named["ocsp"])
        root_list = sources.naming(crls=[f"http://{sources.LISTS}:{listing}/root.crl"])
        below = intermediate(self.root, "Revoked intermediate", extensions=root_list)
        stranger = issue("Stranger", self.between)
        lists = {"root.crl": sources.revoked_list(self.root, [below])}
        for name, identity, revoked, signer, data in (
            ("good", both, [], None, sources.revoked_list(self.between)),
            ("revoked", both, [both], None, sources.revoked_list(self.between, [both])),
            ("unknown", answered, [], None, b""),
            ("by-a-stranger", answered, [], stranger, b""),
            ("listed", listed, [], None, sources.revoked_list(self.between, [listed])),
            ("expired-list", listed, [], None, sources.revoked_list(self.between, days=(-9, -2))),
            ("revoked-intermediate", sources.leaf(below), [], None, b""),
            ("names-nobody", self.good, [], None, b""),
        ):
            known = [] if name == "unknown" else [identity]
            table = sources.index(self.folder, known, revoked)
            with (
                tempfile.TemporaryDirectory(dir=self.folder) as folder,
                sources.responder(Path(folder), responding, table, self.between, signer=signer),
                sources.files(Path(folder), listing, {**lists, "list.crl": data}),
            ):
                self.sourced(name, identity)
        self.sourced("nobody-answers", both)
        covered = sources.granting(HOST)
        self.sourced("not-named-by-the-authorisation", both, authorisation=covered)

    def sourced(self, name: str, identity: Identity, **options: Any) -> None:
        """Look at the revocation of what a server with this identity presents, and write down what was seen."""
        write(name, sources.scanned(self.folder, identity, roots=self.root.pem, **options).seen(Revocation))


def recordings() -> Iterator[Path]:
    """The files that were recorded."""
    yield from (each for each in sorted(RECORDED.rglob("*.json")) if not each.name.startswith("handmade-"))


if __name__ == "__main__":
    for stale in recordings():
        stale.unlink()
    with tempfile.TemporaryDirectory() as folder:
        recorder = _Recorder(Path(folder))
        recorder.versions()
        recorder.suites()
        recorder.certificates()
        recorder.staples()
        recorder.both_sorts()
        recorder.behind_starttls()
        recorder.resumption()
        recorder.revocations()
