"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_tls.record NAME``.

Names are as in ``tls/modern``; ``--all`` records every one. Certificates and times are new in every recording. The
servers of the lab need what ``./bootstrap setup --lab`` installs.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from inspector import Observation, Probe
from inspector.declare.settings import Settings
from inspector.testing import record, run_probe
from inspector_tls.issuance.observations import IssuancePolicy
from inspector_tls.issuance.probe import issuance_policy
from inspector_tls.mta_sts.observations import MtaSts
from inspector_tls.mta_sts.probes import mail_server, mta_sts, mta_sts_policy
from inspector_tls.revocation.observations import Revocation
from inspector_tls.starttls.observations import StartTls
from inspector_tls.starttls.probes import starttls, starttls_injection
from tests.agreement.environment import ServerPlaces
from tests.agreement.expected import Start
from tests.agreement.programs import gnutls, s_server
from tests.agreement.servers import SERVERS
from tests.plugins.inspector_dns.named import ZoneSet, free_port, serve
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import (
    MUST_STAPLE,
    PUBLIC,
    VALIDITY,
    WITHOUT_SECONDS,
    Identity,
    forgeable,
    intermediate,
    issue,
    logged,
    on_described_curve,
    response,
    root,
    rsa_key,
    usage,
    with_field,
)
from tests.plugins.inspector_tls.dh_parameters import write_parameters
from tests.plugins.inspector_tls.mta_sts import servers as policy_domains
from tests.plugins.inspector_tls.resumption.ticket_servers import TLS_1_2, ticketing
from tests.plugins.inspector_tls.revocation import sources
from tests.plugins.inspector_tls.scanning import scan, scan_certificates, scan_resumption
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, Habit, Script, speaking
from tests.plugins.inspector_tls.starttls.servers import LOGIN_SERVERS, serving, staged

FOLDER = Path(__file__).parent
HOST = "www.example.vn"
OAKLEY_1024 = str(Path(__file__).parents[2] / "agreement" / "dh" / "oakley-1024.pem")
SIGNS_CERTIFICATES = usage(key_cert_sign=True)
UNREADABLE_NAMES = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\xff")
UNREADABLE_FEATURE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), b"\xff")
OLD = ("-cipher", "ALL:@SECLEVEL=0")
#: CAA records in the zone ``example.vn``, by the name of the recording.
ISSUANCE = {
    "none": "",
    "permitted": '@ CAA 0 issue "LetsEncrypt.org; accounturi=https://acme.test/1"\n@ CAA 0 issue "digicert.com"\n',
    "another": '@ CAA 0 issue "digicert.com"\n',
    "unlisted": '@ CAA 0 issue "ca.example.net"\n',
    "nobody": '@ CAA 0 issue ";"\n',
    "malformed": '@ CAA 0 issue "letsencrypt.org, digicert.com"\n',
    "reports": '@ CAA 0 iodef "mailto:security@example.vn"\n',
    "critical": '@ CAA 0 issue "letsencrypt.org"\n@ CAA 128 tbs "unknown"\n',
    "wildcards": '@ CAA 0 issue "digicert.com"\n@ CAA 0 issuewild "letsencrypt.org"\n',
    "no-wildcards": '@ CAA 0 issue "letsencrypt.org"\n@ CAA 0 issuewild ";"\n',
    "own": '@ CAA 0 issue "digicert.com"\nwww CAA 0 issue "letsencrypt.org"\n',
}
Scan = Callable[..., Observation]
Recorder = Callable[[], Observation]
Recorders = dict[str, Recorder]
Server = AbstractContextManager[int]
#: Servers of the lab that differ in suites, keys and flaws.
AGREEMENT_SERVERS = (
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


class Servers:
    """The servers of all recordings, with certificates of one authority; ``folder`` holds their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = root()
        self.between = intermediate(self.root, extensions=[SIGNS_CERTIFICATES])
        self.good = issue(HOST, self.between, dns=[HOST])

    def recorders(self) -> Recorders:
        """By name, what records an observation alone."""
        return {
            **self.versions(),
            **self.suites(),
            **self.certificates(),
            **self.staples(),
            **self.behind_starttls(),
            **self.starttls(),
            **self.resumption(),
            **self.revocations(),
            **self.mta_sts(),
            **self.issuance_policies(),
        }

    def scanned(self, server: Server, at: Scan = scan_certificates, **options: str) -> Observation:
        """The observation of a server; the test's root is declared and public."""
        with server as port:
            return at(port, seconds=3, declared=self.root.pem, public=self.root.pem, **options)

    def openssl(self, identity: Identity, *arguments: str | Path, at: Scan = scan_certificates) -> Recorder:
        """Records an OpenSSL server with this identity."""
        return lambda: self.scanned(servers.openssl(identity.write(self.folder, "server"), *arguments), at)

    def by_version(self, version: int, answer: servers.Answer, at: Scan = scan) -> Recorder:
        """Records a modern server that answers every hello of this version in another way."""

        def observe() -> Observation:
            modern = servers.speaking_tls(self.good.write(self.folder, "server"))
            return self.scanned(servers.answering(servers.by_version(modern, version, answer)), at)

        return observe

    def versions(self) -> Recorders:
        """Servers that differ in versions."""
        return {
            "tls/modern": self.openssl(self.good, at=scan),
            "tls/from-tls-1-0": self.openssl(self.good, *OLD, at=scan),
            "tls/only-tls-1-2": self.openssl(self.good, "-tls1_2", at=scan),
            "tls/only-tls-1-3": self.openssl(self.good, "-tls1_3", at=scan),
            "tls/no-answer-to-ssl-2": self.by_version(0x0002, servers.silent),
            "tls/no-answer-to-ssl-3": self.by_version(0x0300, servers.silent),
            "tls/reset-at-tls-1-1": self.by_version(0x0302, servers.resetting),
            "tls/no-answer-to-tls-1-3": self.by_version(0x0304, servers.silent),
        }

    def suites(self) -> Recorders:
        """Servers that differ in suites, keys and flaws, those of the lab among them."""
        short, composite = self.folder / "dh-512.pem", self.folder / "dh-composite.pem"
        starts: dict[str, Start] = {server.name: server.start for server in SERVERS if server.name in AGREEMENT_SERVERS}
        starts |= {
            "dhe-512": gnutls(
                "NONE:+VERS-TLS1.2:+COMP-NULL:+SIGN-ALL:+AES-128-GCM:+AEAD:+DHE-RSA", f"--dhparams={short}"
            ),
            "dhe-composite": s_server("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256", "-dhparam", str(composite)),
            "anonymous-dh-1024": s_server(
                "-tls1_2", "-cipher", "ADH-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-dhparam", OAKLEY_1024
            ),
            "small-curve": s_server("-tls1_2", "-groups", "P-192:P-256", "-cipher", "ECDHE+AESGCM:@SECLEVEL=0"),
            "certificate-of-ssl-2": s_server("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", identity="rsa-512"),
        }

        def observe(name: str) -> Observation:
            if name == "dhe-512":
                subprocess.run(["openssl", "dhparam", "-out", short, "512"], check=True, capture_output=True)
            if name == "dhe-composite":
                write_parameters(composite, rsa_key().public_key().public_numbers().n)
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                place = ServerPlaces(Path(folder)).place(name)
                with starts[name](place) as port:
                    return scan(port, address=place.address)

        return {f"tls/{name}": partial(observe, name) for name in starts}

    def certificates(self) -> Recorders:
        """Servers that differ in certificates."""
        old = intermediate(self.root, "Old intermediate", key=rsa_key())
        other = root("Other root")
        public = issue(HOST, self.between, dns=[HOST], extensions=[PUBLIC])
        unknown = issue(HOST, intermediate(other), dns=[HOST])
        renewed = issue(HOST, intermediate(self.root), dns=[HOST])
        identities = {
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
            "by-known-authority": issue(HOST, self.known_authority(), dns=[HOST]),
            "by-known-authority-wildcard": issue(HOST, self.known_authority(), dns=["*.example.vn"]),
            "by-known-authority-alone": replace(issue(HOST, self.known_authority(), dns=[HOST]), chain=()),
            "conforming": self.conforming(),
            "old-intermediate": Identity(renewed.certificate, renewed.key, (self.between.certificate,)),
            "described-curve": on_described_curve(self.good, self.between),
            "intermediate-without-key-usage": issue(HOST, intermediate(self.root, "Bare intermediate"), dns=[HOST]),
            "malformed-names": issue(HOST, self.between, extensions=[(UNREADABLE_NAMES, False)]),
            "malformed-feature": issue(HOST, self.between, dns=[HOST], extensions=[(UNREADABLE_FEATURE, False)]),
            "malformed-validity": with_field(self.good, self.between, VALIDITY, WITHOUT_SECONDS),
        }
        names = {name: self.openssl(identity, *OLD, "-no_tls1", "-no_tls1_1") for name, identity in identities.items()}
        by_address = issue("server", self.between, ip=["127.0.0.1"])
        anonymous = ("-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0")
        names |= {
            "address": lambda: self.scanned(servers.openssl(by_address.write(self.folder, "server")), host="127.0.0.1"),
            "anonymous": self.openssl(self.good, *anonymous),
            "no-declared-roots": self.without_declared_roots,
            "both-kinds": self.both_kinds,
            "weak-root-key": self.below_weak_root,
            "declared-authority": self.below_declared_root,
            "declared-authority-expired": partial(self.below_declared_root, days=(-30, -2)),
            "missing-issuer-no-declared-roots": partial(self.without_declared_roots, alone=True),
        }
        return {f"certificates/{name}": recorder for name, recorder in names.items()}

    def known_authority(self) -> Identity:
        """An intermediate below the test's root with the organisation of a public authority."""
        attributes = [(NameOID.ORGANIZATION_NAME, "Let's Encrypt"), (NameOID.COMMON_NAME, "R11")]
        return intermediate(self.root, x509.Name([x509.NameAttribute(*each) for each in attributes]))

    def without_declared_roots(self, *, alone: bool = False) -> Observation:
        """The certificates of a server where no root is declared; ``alone``: it sends no intermediate."""
        with servers.openssl(self.good.write(self.folder, "server", chain=() if alone else None)) as port:
            return scan_certificates(port, public=self.root.pem)

    def below_weak_root(self) -> Observation:
        """The certificates of a server below a declared root with a short key, which it does not send."""
        weak = root("Weak root", key=rsa_key(1024))
        with servers.openssl(issue(HOST, weak, dns=[HOST]).write(self.folder, "server")) as port:
            return scan_certificates(port, declared=weak.pem, public=self.root.pem)

    def below_declared_root(self, days: tuple[int, int] | None = None) -> Observation:
        """The certificates of a server below a private CA whose root is declared, and not among the browsers'."""
        private = root("Own root")
        dated = {} if days is None else {"days": days}
        with servers.openssl(issue(HOST, private, dns=[HOST], **dated).write(self.folder, "server")) as port:
            return scan_certificates(port, declared=private.pem, public=self.root.pem)

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

    def staples(self) -> Recorders:
        """Servers that differ in what they staple to a certificate that demands it."""
        demanding = issue(HOST, self.between, dns=[HOST], extensions=[MUST_STAPLE])
        delegate = issue("Responder", self.between, purpose=x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING)
        unauthorised = issue("Unauthorised", self.between)
        stapled: dict[str, tuple[Identity, bytes]] = {
            "must-staple": (demanding, b""),
            "must-staple-stapled": (demanding, response(demanding, self.between)),
            "stapled": (self.good, response(self.good, self.between, signer=delegate)),
            "stapled-revoked": (self.good, response(self.good, self.between, status=REVOKED)),
            "stapled-expired": (demanding, response(demanding, self.between, days=(-9, -2))),
            "stapled-by-unauthorised": (self.good, response(self.good, self.between, signer=unauthorised)),
            "stapled-for-another": (demanding, response(demanding, self.between, about=self.good)),
        }

        def observe(name: str) -> Observation:
            identity, staple = stapled[name]
            file = self.folder / "staple.der"
            file.write_bytes(staple)
            return self.openssl(identity, *(("-status_file", file) if staple else ()))()

        return {f"certificates/{name}": partial(observe, name) for name in stapled}

    def both_kinds(self) -> Observation:
        """A server with an RSA certificate and an ECDSA one."""
        rsa = issue(HOST, self.between, key=rsa_key(), dns=[HOST])
        files = (rsa.write(self.folder, "rsa"), self.good.write(self.folder, "ec"))
        directives = "".join(f"ssl_certificate {each[0]}; ssl_certificate_key {each[1]};" for each in files)
        return self.scanned(servers.nginx(self.folder, f"{directives} ssl_protocols TLSv1.2 TLSv1.3;"))

    def behind_starttls(self) -> Recorders:
        """Mail, file, database and chat servers that differ in what their clients check of a certificate."""
        rsa = rsa_key()
        between = intermediate(self.root, key=rsa_key())
        good = issue(HOST, between, key=rsa, dns=[HOST])
        poor = issue("mx.example.vn", key=rsa_key(1024), dns=["mx.example.vn"], days=(-30, -2))
        private = issue(HOST, root("Own root", key=rsa_key()), key=rsa, dns=[HOST])
        other = issue("example.vn", between, key=rsa, dns=["example.vn"])
        past = issue(HOST, between, key=rsa, dns=[HOST], days=(-30, -2))

        def observe(name: str, scheme: str, identity: Identity) -> Observation:
            with staged() as stage:
                place = stage.place(name)
                return self.scanned(serving(place, scheme, identity), address=place.address, scheme=scheme)

        def anonymous() -> Observation:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AECDH:@SECLEVEL=0")
            return self.scanned(servers.answering(speaking(SCRIPTS["smtp"], context)), scheme="smtp")

        identities = {
            "postfix": ("smtp", good),
            "postfix-weak-key": ("smtp", poor),
            "dovecot": ("imap", good),
            "dovecot-private": ("imap", private),
            "dovecot-wrong-name": ("pop3", other),
            "vsftpd-expired": ("ftp", past),
            "postgresql-private": ("postgresql", private),
            "postgresql-expired": ("postgresql", past),
            "xmpp-domain": ("xmpp-client", other),
            "xmpp-server-private": ("xmpp-server", private),
        }
        recorders = {f"certificates/{name}": partial(observe, name, *each) for name, each in identities.items()}
        return {**recorders, "certificates/smtp-anonymous": anonymous}

    def starttls(self) -> Recorders:
        """SMTP servers that differ in how they answer STARTTLS, and a command that comes before TLS is established."""

        def observe(probe: Probe, script: Script, habit: Habit = Habit.FORGETS) -> Observation:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.good.write(self.folder, "server"))
            with servers.answering(speaking(script, context, habit)) as port:
                return run_probe(probe, f"smtp://www.example.vn:{port}", negotiation_seconds=10).seen(probe.kind)

        def login(name: str, scheme: str, start: Start) -> Observation:
            with staged() as stage:
                place = stage.place(name)
                with serving(place, scheme, self.good, start) as port:
                    uri = f"{scheme}://{HOST}:{port}"
                    return run_probe(starttls, uri, address=place.address, negotiation_seconds=10).seen(StartTls)

        smtp = SCRIPTS["smtp"]
        without = replace(smtp, replies={**smtp.replies, b"EHLO": b"250 SIZE\r\n"})
        refusing = replace(smtp, request=b"", replies={**smtp.replies, b"STARTTLS": b"501 no\r\n"})
        return {
            "starttls/offered": partial(observe, starttls, smtp),
            "starttls/not-offered": partial(observe, starttls, without),
            "starttls/refused": partial(observe, starttls, refusing),
            **{f"starttls/{name}": partial(login, name, *each) for name, each in LOGIN_SERVERS.items()},
            "starttls-injection/discards": partial(observe, starttls_injection, smtp),
            "starttls-injection/executes": partial(observe, starttls_injection, smtp, Habit.KEEPS),
            "starttls-injection/not-offered": partial(observe, starttls_injection, without),
            "starttls-injection/resets": partial(observe, starttls_injection, smtp, Habit.RESETS),
        }

    def resumption(self) -> Recorders:
        """Servers that differ in how long their tickets are valid."""
        files = issue(HOST, key=rsa_key(), dns=[HOST]).write(self.folder, "tickets")
        common = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2 TLSv1.3;"

        def observe(server: Callable[[], Server]) -> Observation:
            with server() as port:
                return scan_resumption(port)

        names: dict[str, Callable[[], Server]] = {
            "nginx-five-minutes": lambda: servers.nginx(self.folder, f"{common} ssl_session_timeout 5m;"),
            "nginx-two-days": lambda: servers.nginx(self.folder, f"{common} ssl_session_timeout 2d;"),
            "nginx-nine-days": lambda: servers.nginx(self.folder, f"{common} ssl_session_timeout 9d;"),
            "openssl-no-tickets": lambda: servers.openssl(files, "-no_ticket", "-num_tickets", "0"),
            "tlslite-ten-days": lambda: servers.answering(ticketing(files, 300, 864_000)),
            "tlslite-left-to-the-client": lambda: servers.answering(ticketing(files, 0, version=TLS_1_2)),
            "tlslite-unresponsive": lambda: servers.answering(ticketing(files, unresponsive=True)),
        }
        return {f"tls-resumption/{name}": partial(observe, server) for name, server in names.items()}

    def revocations(self) -> Recorders:
        """Servers whose certificates name sources of revocation, and what these sources answer."""
        responding, listing = servers.free_port(), servers.free_port()
        named = {
            "ocsp": [f"http://{sources.RESPONDER}:{responding}/"],
            "crls": [f"http://{sources.LISTS}:{listing}/list.crl"],
        }
        both, listed = sources.leaf(self.between, **named), sources.leaf(self.between, crls=named["crls"])
        answered = sources.leaf(self.between, ocsp=named["ocsp"])
        root_list = sources.naming(crls=[f"http://{sources.LISTS}:{listing}/root.crl"])
        below = intermediate(self.root, "Revoked intermediate", extensions=root_list)
        unauthorised = issue("Unauthorised", self.between)
        lists = {"root.crl": sources.revoked_list(self.root, [below])}
        #: By name: the server's identity, the certificates known to and revoked by the responder, its signer, the list.
        answers: dict[str, tuple[Identity, list[Identity], list[Identity], Identity | None, bytes]] = {
            "good": (both, [both], [], None, sources.revoked_list(self.between)),
            "revoked": (both, [both], [both], None, sources.revoked_list(self.between, [both])),
            "unknown": (answered, [], [], None, b""),
            "by-unauthorised": (answered, [answered], [], unauthorised, b""),
            "listed": (listed, [listed], [], None, sources.revoked_list(self.between, [listed])),
            "expired-list": (listed, [listed], [], None, sources.revoked_list(self.between, days=(-9, -2))),
            "revoked-intermediate": (leaf := sources.leaf(below), [leaf], [], None, b""),
            "without-sources": (self.good, [self.good], [], None, b""),
        }

        def observe(name: str) -> Observation:
            identity, known, revoked, signer, data = answers[name]
            table = sources.index(self.folder, known, revoked)
            with (
                tempfile.TemporaryDirectory(dir=self.folder) as folder,
                sources.responder(Path(folder), responding, table, self.between, signer=signer),
                sources.files(Path(folder), listing, {**lists, "list.crl": data}),
            ):
                return unanswered(identity)

        def unanswered(identity: Identity, **options: Any) -> Observation:
            return sources.scanned(self.folder, identity, roots=self.root.pem, **options).seen(Revocation)

        return {
            **{f"revocation/{name}": partial(observe, name) for name in answers},
            "revocation/no-answer": partial(unanswered, both),
            "revocation/not-named-by-the-authorisation": lambda: unanswered(both, authorisation=sources.granting(HOST)),
        }

    def issuance_policies(self) -> Recorders:
        """Zones that differ in CAA records, with the host ``www``."""

        def policy(records: str) -> Observation:
            resolver = free_port()
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                zones = ZoneSet(Path(folder))
                zones.add("example.vn", f"@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n{records}")
                zones.add("vn", "@ NS ns.host.test.\n")
                with serve(Path(folder) / "named", zones.zones, resolver):
                    settings = Settings(resolvers=(f"127.0.0.1:{resolver}",))
                    return run_probe(issuance_policy, f"https://{HOST}/", settings=settings).seen(IssuancePolicy)

        return {f"issuance-policy/{name}": partial(policy, records) for name, records in ISSUANCE.items()}

    def mta_sts(self) -> Recorders:
        """Mail domains that differ in their MTA-STS records, policies and mail servers."""
        key, between = rsa_key(), intermediate(self.root, key=rsa_key())
        names = ["*.sts.test", *(f"mta-sts.{name}.sts.test" for name in policy_domains.DOMAINS)]
        identities = {
            "good": issue("sts.test", between, key=key, dns=names),
            "expired": issue("sts.test", between, key=key, dns=names, days=(-30, -2)),
            "not-yet-valid": issue("sts.test", between, key=key, dns=names, days=(2, 30)),
            "self-signed": issue("sts.test", key=key, dns=names),
            "other-name": issue("sts.test", between, key=key, dns=["example.vn"]),
        }
        hosts = ("conforming", "testing", "withdrawn", "other-pattern", "deep-pattern", "redirected", "as-html")
        hosts += ("too-long", "without-age", "untrusted-policy")
        domains = ("conforming", "with-tlsa", "without-record", "two-records", "without-id", "split-record")
        domains += ("not-receiving", "implicit")

        def records(name: str) -> Observation:
            addresses = dict.fromkeys(policy_domains.SERVERS, "192.0.2.25")
            zone = policy_domains.records(policy_domains.DOMAINS, addresses, "192.0.2.1")
            resolver = free_port()
            with (
                tempfile.TemporaryDirectory(dir=self.folder) as folder,
                policy_domains.named(Path(folder), zone, resolver),
            ):
                settings = Settings(resolvers=(f"127.0.0.1:{resolver}",))
                return run_probe(mta_sts, f"mail:{name}.sts.test", settings=settings).seen(MtaSts)

        def policy(name: str) -> Observation:
            with staged() as stage:
                place = stage.place(name)
                port, domain = place.free_port(), policy_domains.DOMAINS[name]
                with policy_domains.policy_hosts(place, port, {name: domain}, identities):
                    uri = f"mta-sts://mta-sts.{name}.sts.test:{port}/{name}.sts.test"
                    return self.probed(mta_sts_policy, uri, place.address)

        def server(name: str) -> Observation:
            with staged() as stage:
                place = stage.place(name)
                with serving(place, "smtp", identities[name]) as port:
                    return self.probed(mail_server, f"mx://good-mx.sts.test:{port}/sts.test", place.address)

        def without_tls() -> Observation:
            smtp = SCRIPTS["smtp"]
            script = replace(smtp, replies={**smtp.replies, b"EHLO": b"250 SIZE\r\n"})
            with servers.answering(speaking(script, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))) as port:
                return self.probed(mail_server, f"mx://good-mx.sts.test:{port}/sts.test", servers.ADDRESS)

        def says(*lines: bytes) -> Observation:
            """A server that sends these, the first of them at once, the others after two seconds each."""

            def answer(connection: socket.socket) -> None:
                for place, line in enumerate(lines):
                    time.sleep(2 if place else 0)
                    connection.sendall(line)
                connection.recv(512)
                connection.sendall(b"250 mx.example.vn\r\n")
                connection.recv(512)

            with servers.answering(answer) as port:
                return self.probed(mail_server, f"mx://good-mx.sts.test:{port}/sts.test", servers.ADDRESS)

        greetings = {
            "turned-away": (b"421 too many connections\r\n",),
            "blocked": (b"554 5.7.1 Service unavailable; client host blocked\r\n",),
            "other-protocol": (b"SSH-2.0-OpenSSH_9.2\r\n",),
            "paused": (b"220-mx.example.vn ESMTP\r\n", b"220 mx.example.vn ESMTP\r\n"),
        }
        return {
            **{f"mail-server/{name}": partial(says, *lines) for name, lines in greetings.items()},
            **{f"mta-sts/{name}": partial(records, name) for name in domains},
            **{f"mta-sts-policy/{name}": partial(policy, name) for name in hosts},
            **{f"mail-server/{name}": partial(server, name) for name in identities},
            "mail-server/without-tls": without_tls,
        }

    def probed(self, probe: Probe, uri: str, address: str) -> Observation:
        """The observation of one probe; the test's root is public."""
        run = run_probe(probe, uri, address=address, public_roots=self.root.pem, answer_seconds=3)
        return run.seen(probe.kind)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        record(FOLDER, Servers(Path(scratch)).recorders(), sys.argv[1:])
