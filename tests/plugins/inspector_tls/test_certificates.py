"""The certificates of real servers, and the roots that they chain to."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from inspector import Cause, Check, Outcome
from inspector_tls.certificates.observations import Certificates, Flaw
from inspector_tls.checks.in_date import in_date
from inspector_tls.checks.key_strong import key_strong
from inspector_tls.checks.names_host import names_host
from inspector_tls.checks.stapled_when_required import stapled_when_required as must_staple
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import (
    DAY,
    VALIDITY,
    WITHOUT_END,
    WITHOUT_SECONDS,
    Identity,
    defaults_written,
    ec_key,
    forgeable,
    intermediate,
    issue,
    name,
    on_described_curve,
    over_sha1,
    root,
    rsa_key,
    usage,
    with_field,
)
from tests.plugins.inspector_tls.presented import parsed
from tests.plugins.inspector_tls.scanning import scan_certificates as scan

HOST = "www.example.vn"


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root()


@pytest.fixture(scope="module")
def between(authority: Identity) -> Identity:
    """An intermediate below the root."""
    return intermediate(authority)


def seen(folder: Path, identity: Identity, *, declared: Identity | None = None, **options: object) -> Certificates:
    """What is seen of a server with this certificate."""
    with servers.openssl(identity.write(folder, "server"), "-cipher", "ALL:@SECLEVEL=0") as port:
        return scan(port, declared=declared.pem if declared else b"", **options)  # type: ignore[arg-type]


def verified(folder: Path, identity: Identity, authority: Identity) -> bool:
    """The result of ``openssl verify`` for the same chain."""
    certificate, _key = identity.write(folder, "verify", chain=())
    (folder / "root.pem").write_bytes(authority.pem)
    (folder / "sent.pem").write_bytes(b"".join(Identity(each, identity.key).pem for each in identity.chain))
    command = ["openssl", "verify", "-no-CApath", "-CAfile", folder / "root.pem", "-purpose", "sslserver"]
    command += ["-untrusted", folder / "sent.pem"] if identity.chain else []
    done = subprocess.run([*command, certificate], capture_output=True, timeout=20, check=False)
    return done.returncode == 0


def test_facts_of_a_good_certificate(tmp_path: Path, authority: Identity, between: Identity) -> None:
    """Names, dates, key, signature and chain of a good certificate are seen, and it chains to the declared root."""
    identity = issue(HOST, between, dns=[HOST, "*.example.vn"], ip=["127.0.0.1"])
    found = seen(tmp_path, identity, declared=authority)
    (chain,) = found.chains
    leaf = chain.leaf
    assert (leaf.subject, leaf.issuer) == (f"CN={HOST}", "CN=Test intermediate")
    assert (leaf.dns, leaf.ip) == ((HOST, "*.example.vn"), ("127.0.0.1",))
    assert (leaf.key.kind, leaf.key.bits, leaf.key.curve) == ("EC", 256, "secp256r1")
    assert (leaf.signature, leaf.digest, leaf.self_issued, leaf.authority) == (
        "ecdsa-with-SHA256",
        "sha256",
        False,
        False,
    )
    assert leaf.sha256 == identity.certificate.fingerprint(hashes.SHA256()).hex()
    assert leaf.not_after == identity.certificate.not_valid_after_utc
    assert leaf.serial == f"{identity.certificate.serial_number:x}"
    assert (found.leaves_by_kind.usual.value, found.leaves_by_kind.rsa.value) == (leaf.sha256, None)
    assert chain.declared_trust.value.path[-1] == authority.certificate.fingerprint(hashes.SHA256()).hex()
    assert chain.public_trust.unseen is Cause.NOT_SELECTED
    assert (found.declared_roots, found.public_roots) == (1, 0)


Make = Callable[[Identity, Identity], Identity]


def _constrained(
    authority: Identity,
    *,
    permitted: list[x509.GeneralName] | None = None,
    excluded: list[x509.GeneralName] | None = None,
) -> Identity:
    return intermediate(authority, "Constrained", extensions=[(x509.NameConstraints(permitted, excluded), True)])


def _alone(identity: Identity) -> Identity:
    return Identity(identity.certificate, identity.key)


def _with_its_root(other: Identity) -> Identity:
    identity = issue(HOST, intermediate(other), dns=[HOST])
    return Identity(identity.certificate, identity.key, (*identity.chain, other.certificate))


def _below_a_new_key(authority: Identity) -> Identity:
    """A certificate by the authority's new key, which its old one signed (RFC 5280 §6.1: self-issued)."""
    key = ec_key()
    identifiers: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ]
    new = issue(authority.certificate.subject, authority, key=key, authority=True, extensions=identifiers)
    leaf = issue(HOST, new, dns=[HOST])
    return Identity(leaf.certificate, leaf.key, (new.certificate, *new.chain))


def _without_a_word(issuer: Identity) -> Identity:
    """An intermediate without basicConstraints."""
    key, now = rsa_key(), datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("Without a word"))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
    )
    extension = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = builder.add_extension(extension, critical=False).sign(issuer.key, hashes.SHA256())
    return Identity(certificate, key, issuer.chain)


def _over(old: Identity, digest: hashes.HashAlgorithm) -> Identity:
    return forgeable(issue(HOST, old, dns=[HOST]), old, digest)


def _with_mailbox(issuer: Identity, mailbox: str) -> Identity:
    """A certificate with an e-mail address in its subject."""
    parts = [(NameOID.COMMON_NAME, HOST), (NameOID.EMAIL_ADDRESS, mailbox)]
    return issue(x509.Name([x509.NameAttribute(*each) for each in parts]), issuer, dns=[HOST])


def _below_described_curve(top: Identity) -> Identity:
    """A certificate by an intermediate whose key's curve is described."""
    between = intermediate(top)
    described = x509.load_der_x509_certificate(on_described_curve(between, top).der)
    leaf = issue(HOST, between, dns=[HOST])
    return Identity(leaf.certificate, leaf.key, (described,))


def _unreadable(identifier: str) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), b"\xff"), False


def _twice_signed(leaf: Identity, issuer: Identity) -> Identity:
    """The certificate with another algorithm in its signed part than beside the signature."""
    return with_field(leaf, issuer, 2, bytes.fromhex("300a06082a8648ce3d040303"))


AIA, FEATURE = "authorityInfoAccess", "TLSFeature"
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
DNS = [x509.DNSName("example.vn")]
NAMES = x509.SubjectAlternativeName([x509.DNSName(HOST)])
TEN = [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]
CLIENTS = x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH
ANY = x509.oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

#: The policy of certificates that public authorities issue for a checked domain name.
PUBLIC = [
    (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]), False),
]
#: Each way a chain can be: how the server's identity is made below a root and an intermediate, and what is wrong.
WAYS: dict[str, tuple[Make, Flaw | None]] = {
    "good": (lambda _root, ca: issue(HOST, ca, dns=[HOST]), None),
    "expired": (lambda _root, ca: issue(HOST, ca, dns=[HOST], days=(-30, -2)), Flaw.EXPIRED),
    "not yet valid": (lambda _root, ca: issue(HOST, ca, dns=[HOST], days=(2, 30)), Flaw.NOT_YET_VALID),
    "self-signed": (lambda _root, _ca: issue(HOST, dns=[HOST]), Flaw.SELF_SIGNED),
    "missing intermediate": (
        lambda _root, ca: _alone(issue(HOST, ca, dns=[HOST], extensions=PUBLIC)),
        Flaw.MISSING_INTERMEDIATE,
    ),
    "missing issuer": (lambda _root, ca: _alone(issue(HOST, ca, dns=[HOST])), Flaw.MISSING_ISSUER),
    "unknown root": (lambda _root, _ca: issue(HOST, intermediate(root("Other")), dns=[HOST]), Flaw.UNKNOWN_ROOT),
    "unknown root sent along": (lambda _root, _ca: _with_its_root(root("Other")), Flaw.UNKNOWN_ROOT),
    "namesake of the root": (lambda _root, _ca: issue(HOST, root(), dns=[HOST]), Flaw.BAD_SIGNATURE),
    "signed by a leaf": (lambda _root, ca: issue(HOST, issue("Leaf", ca), dns=[HOST]), Flaw.NO_AUTHORITY),
    "too long": (
        lambda top, _ca: issue(HOST, intermediate(intermediate(top, "Last", path_length=0)), dns=[HOST]),
        Flaw.PATH_TOO_LONG,
    ),
    "long by a new key": (
        lambda top, _ca: _below_a_new_key(intermediate(top, "Last", path_length=0)),
        None,
    ),
    "an authority without a word": (
        lambda top, _ca: issue(HOST, _without_a_word(top), dns=[HOST]),
        Flaw.NO_AUTHORITY,
    ),
    "a new key outside permitted names": (
        lambda top, _ca: _below_a_new_key(_constrained(top, permitted=[x509.DirectoryName(name(HOST))])),
        None,
    ),
    "a namesake outside permitted names": (
        lambda top, _ca: issue("Constrained", _constrained(top, permitted=DNS), dns=["example.com"]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "outside permitted subjects": (
        lambda top, _ca: issue(HOST, _constrained(top, permitted=[x509.DirectoryName(name("x"))]), dns=[HOST]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "for clients": (lambda _root, ca: issue(HOST, ca, dns=[HOST], purpose=CLIENTS), Flaw.WRONG_PURPOSE),
    "for any purpose": (lambda _root, ca: issue(HOST, ca, dns=[HOST], purpose=ANY), Flaw.WRONG_PURPOSE),
    "for signing certificates": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[usage(key_cert_sign=True)]),
        Flaw.WRONG_PURPOSE,
    ),
    "for signing lists": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[usage(crl_sign=True)]),
        Flaw.WRONG_PURPOSE,
    ),
    "an authority for signing lists": (
        lambda top, _ca: issue(HOST, intermediate(top, "Lists", extensions=[usage(crl_sign=True)]), dns=[HOST]),
        Flaw.NO_AUTHORITY,
    ),
    "an authority for clients": (
        lambda top, _ca: issue(
            HOST, intermediate(top, "Clients", extensions=[(x509.ExtendedKeyUsage([CLIENTS]), False)]), dns=[HOST]
        ),
        Flaw.WRONG_PURPOSE,
    ),
    "for no purpose in particular": (lambda _root, ca: issue(HOST, ca, dns=[HOST], purpose=None), None),
    "unknown critical extension": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[(UNKNOWN, True)]),
        Flaw.UNKNOWN_EXTENSION,
    ),
    "outside permitted names": (
        lambda top, _ca: issue("x", _constrained(top, permitted=DNS), dns=["example.com"]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "within permitted names": (
        lambda top, _ca: issue(HOST, _constrained(top, permitted=DNS), dns=[HOST.upper()]),
        None,
    ),
    "among excluded names": (
        lambda top, _ca: issue(HOST, _constrained(top, excluded=DNS), dns=[HOST]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "below a permitted dot": (
        lambda top, _ca: issue(HOST, _constrained(top, permitted=[x509.DNSName(".example.vn")]), dns=[HOST]),
        None,
    ),
    "at a permitted dot": (
        lambda top, _ca: issue("x", _constrained(top, permitted=[x509.DNSName(".example.vn")]), dns=["example.vn"]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "at an excluded dot": (
        lambda top, _ca: issue("x", _constrained(top, excluded=[x509.DNSName(".example.vn")]), dns=["example.vn"]),
        None,
    ),
    "a permitted domain in part": (
        lambda top, _ca: issue("x", _constrained(top, permitted=[x509.DNSName("ample.vn")]), dns=["example.vn"]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "outside permitted addresses": (
        lambda top, _ca: issue(HOST, _constrained(top, permitted=TEN), ip=["127.0.0.1"]),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "expired intermediate": (
        lambda top, _ca: issue(HOST, issue("Old", top, authority=True, days=(-30, -2)), dns=[HOST]),
        Flaw.EXPIRED,
    ),
    "SHA-1": (lambda top, _ca: _over(intermediate(top, "Old", key=rsa_key()), hashes.SHA1()), None),
    "MD5": (lambda top, _ca: _over(intermediate(top, "Old", key=rsa_key()), hashes.MD5()), None),
    "ECDSA over SHA-1": (lambda _root, ca: over_sha1(issue(HOST, ca, dns=[HOST]), ca), None),
    "two algorithms": (lambda _root, ca: _twice_signed(issue(HOST, ca, dns=[HOST]), ca), Flaw.BAD_SIGNATURE),
    "a described curve": (lambda _root, ca: on_described_curve(issue(HOST, ca, dns=[HOST]), ca), Flaw.UNFIT_KEY),
    "an intermediate's described curve": (lambda top, _ca: _below_described_curve(top), Flaw.UNFIT_KEY),
    "a mailbox at a permitted host": (
        lambda top, _ca: _with_mailbox(_constrained(top, permitted=[x509.RFC822Name("example.vn")]), "a@example.vn"),
        None,
    ),
    "a mailbox at another host": (
        lambda top, _ca: _with_mailbox(_constrained(top, permitted=[x509.RFC822Name("example.vn")]), "a@example.com"),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "a mailbox at an excluded host": (
        lambda top, _ca: _with_mailbox(_constrained(top, excluded=[x509.RFC822Name("example.vn")]), "a@example.vn"),
        Flaw.NAME_NOT_PERMITTED,
    ),
    "defaults written": (lambda _root, ca: defaults_written(issue(HOST, ca, dns=[HOST]), ca), None),
    "an unreadable keyUsage": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("2.5.29.15")]),
        Flaw.MALFORMED,
    ),
    "an unreadable extendedKeyUsage": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], purpose=None, extensions=[_unreadable("2.5.29.37")]),
        Flaw.MALFORMED,
    ),
    "an unreadable subjectAltName": (
        lambda _root, ca: issue(HOST, ca, extensions=[_unreadable("2.5.29.17")]),
        Flaw.MALFORMED,
    ),
    "an authority with unreadable constraints": (
        lambda top, _ca: issue(HOST, intermediate(top, "x", extensions=[_unreadable("2.5.29.30")]), dns=[HOST]),
        Flaw.MALFORMED,
    ),
    "an unreadable key identifier": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("2.5.29.14")]),
        Flaw.MALFORMED,
    ),
    "unreadable distribution points": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("2.5.29.31")]),
        Flaw.MALFORMED,
    ),
    "an unreadable notice": (
        lambda _root, ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("1.3.6.1.5.5.7.1.11")]),
        None,
    ),
    "without an end": (
        lambda _root, ca: with_field(issue(HOST, ca, dns=[HOST]), ca, VALIDITY, WITHOUT_END),
        None,
    ),
    "RSA keys": (
        lambda top, _ca: issue(HOST, intermediate(top, "RSA", key=rsa_key()), key=rsa_key(), dns=[HOST]),
        None,
    ),
    "critical names": (lambda _root, ca: issue(HOST, ca, extensions=[(NAMES, True)]), None),
}


@pytest.mark.parametrize("way", WAYS)
def test_paths_agree_with_openssl(tmp_path: Path, authority: Identity, between: Identity, way: str) -> None:
    """Each flaw of a chain has its name, and whether there is one agrees with ``openssl verify``."""
    make, flaw = WAYS[way]
    identity = make(authority, between)
    trust = seen(tmp_path, identity, declared=authority).chains[0].declared_trust.value
    assert trust.flaw is flaw
    assert verified(tmp_path, identity, authority) is trust.chains


def test_unreadable_validity(tmp_path: Path, authority: Identity, between: Identity) -> None:
    """Neither accepts dates of another form; OpenSSL 3.5 does not even present such a certificate."""
    identity = with_field(issue(HOST, between, dns=[HOST]), between, VALIDITY, WITHOUT_SECONDS)
    trust = parsed(identity, declared=authority.pem).chains[0].declared_trust.value
    assert trust.flaw is Flaw.MALFORMED
    assert not verified(tmp_path, identity, authority)


def test_certificate_that_is_itself_declared(tmp_path: Path) -> None:
    """A self-signed certificate that is declared is its own root, as in OpenSSL."""
    identity = issue(HOST, dns=[HOST])
    assert seen(tmp_path, identity, declared=identity).chains[0].declared_trust.value.chains
    assert verified(tmp_path, identity, identity)


def test_names_differing_in_case_and_space_are_the_same(tmp_path: Path) -> None:
    """Issuer and subject are compared by RFC 5280, ignoring case and repeated white space."""
    authority = root("Test  Root")
    other = Identity(root("test root", key=authority.key).certificate, authority.key)
    trust = seen(tmp_path, issue(HOST, other, dns=[HOST]), declared=authority).chains[0].declared_trust
    assert trust.value.chains


def test_both_kinds_of_certificate(tmp_path: Path, authority: Identity, between: Identity) -> None:
    """A server with an RSA and an ECDSA certificate shows both, each with its trust."""
    rsa, ec = issue(HOST, between, key=rsa_key(), dns=[HOST]), issue(HOST, root("Other root"), key=ec_key(), dns=[HOST])
    rsa_files, ec_files = rsa.write(tmp_path, "rsa"), ec.write(tmp_path, "ec")
    directives = "".join(f"ssl_certificate {each[0]}; ssl_certificate_key {each[1]};" for each in (rsa_files, ec_files))
    for protocols in ("TLSv1.3", "TLSv1.2", "TLSv1.2 TLSv1.3"):
        with servers.nginx(tmp_path, f"{directives} ssl_protocols {protocols};") as port:
            found = scan(port, declared=authority.pem)
        assert found.leaves_by_kind.rsa.value == rsa.certificate.fingerprint(hashes.SHA256()).hex()
        assert found.leaves_by_kind.other.value == ec.certificate.fingerprint(hashes.SHA256()).hex()
        assert {chain.leaf.key.kind: chain.declared_trust.value.chains for chain in found.chains} == {
            "RSA": True,
            "EC": False,
        }


def test_a_kind_that_times_out_is_unseen(tmp_path: Path, authority: Identity) -> None:
    """A certificate that was asked for without an answer is unseen, not absent."""
    identity = issue(HOST, authority, dns=[HOST])
    speaking = servers.speaking_tls(identity.write(tmp_path, "server"))

    def silent_for_rsa(connection: servers.socket.socket) -> None:
        hello = connection.recv(4096, servers.socket.MSG_PEEK)
        # The algorithms of a hello that takes only RSA begin with rsa_pss_rsae_sha256.
        (servers.silent if b"\x00\x0d\x00\x16\x00\x14\x08\x04" in hello else speaking)(connection)

    with servers.answering(silent_for_rsa) as port:
        found = scan(port, seconds=1)
    assert found.leaves_by_kind.rsa.unseen is Cause.TIMEOUT
    assert found.leaves_by_kind.usual.value == found.leaves_by_kind.other.value == found.leaves[0].sha256


def test_client_certificate_required(tmp_path: Path, authority: Identity) -> None:
    """A server that requires a client certificate still presents its own."""
    identity = issue(HOST, authority, dns=[HOST])
    for version in ("-tls1_2", "-tls1_3"):
        with servers.openssl(identity.write(tmp_path, "server"), "-Verify", "1", version) as port:
            assert scan(port, declared=authority.pem).chains[0].declared_trust.value.chains


def test_no_certificate_at_all(tmp_path: Path, authority: Identity) -> None:
    """A server with anonymous suites only has no certificate of any kind."""
    identity = issue(HOST, authority, dns=[HOST])
    anonymous = ("-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0")
    with servers.openssl(identity.write(tmp_path, "server"), *anonymous) as port:
        found = scan(port)
    assert [answer.value for answer in found.leaves_by_kind.answers] == [None, None, None]
    assert found.chains == ()


def test_weak_keys_and_digests(tmp_path: Path, authority: Identity) -> None:
    """Small keys and forgeable digests are among the facts."""
    old = intermediate(authority, "Old", key=rsa_key())
    for digest in (hashes.SHA1(), hashes.MD5()):
        identity = forgeable(issue(HOST, old, key=rsa_key(1024), dns=[HOST]), old, digest)
        (leaf,) = seen(tmp_path, identity).leaves
        assert (leaf.key.kind, leaf.key.bits, leaf.digest) == ("RSA", 1024, digest.name)


def test_what_no_path_needs_is_not_relied_on(tmp_path: Path) -> None:
    """A new root that an old one signed over SHA-1 is sent along: that counts only for those without the new root."""
    old, top = root("Old root", key=rsa_key()), root("New root")
    crossed = forgeable(issue("New root", old, key=top.key, authority=True), old, hashes.SHA1())
    leaf = issue(HOST, intermediate(top), dns=[HOST])
    identity = Identity(leaf.certificate, leaf.key, (*leaf.chain, crossed.certificate))
    known, unknown, by_old = (seen(tmp_path, identity, declared=each) for each in (top, None, old))
    assert [each.subject for each in known.chains[0].relied] == [f"CN={HOST}", "CN=Test intermediate"]
    assert key_strong(known).outcome is Outcome.PASS
    for found in (unknown, by_old):
        assert [each.digest for each in found.chains[0].relied] == ["sha256", "sha256", "sha1"]
        assert key_strong(found).outcome is Outcome.FAIL


def test_both_of_two_intermediates_with_one_name_count_without_a_path(tmp_path: Path) -> None:
    """Which of two intermediates of the same name a client takes is open: the weak one counts."""
    old, top = root("Old root", key=rsa_key()), root("New root")
    between = intermediate(top)
    weak = forgeable(issue("Test intermediate", old, key=between.key, authority=True), old, hashes.SHA1())
    leaf = issue(HOST, between, dns=[HOST])
    identity = Identity(leaf.certificate, leaf.key, (between.certificate, weak.certificate))
    assert key_strong(seen(tmp_path, identity)).outcome is Outcome.FAIL
    assert key_strong(seen(tmp_path, identity, declared=top)).outcome is Outcome.PASS


def test_subject_is_escaped(tmp_path: Path, authority: Identity) -> None:
    """Control characters, terminal escapes and text direction marks in a subject arrive as visible escapes."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "<script>\x1b[31mred\u202egpj\n")])
    (leaf,) = seen(tmp_path, issue(subject, authority, dns=[HOST])).leaves
    assert leaf.subject.isprintable()
    assert "\\x1b" in leaf.subject
    assert "\\u202e" in leaf.subject


def test_address_is_no_server_name(tmp_path: Path, authority: Identity) -> None:
    """A host given by address is matched by an address entry, and by IPv6 as well as IPv4."""
    for address in ("127.0.0.1", "::1"):
        identity = issue("server", authority, ip=[address])
        with servers.openssl(identity.write(tmp_path, "server"), address=address) as port:
            found = scan(port, host=address, address=address)
        assert found.server_name is None
        assert found.leaves[0].names(found.host)


def test_self_issued_intermediates_end_bounded(tmp_path: Path, authority: Identity) -> None:
    """Intermediates that all issue one another end in bounded work, without a verdict on trust."""
    keys = [ec_key() for _ in range(4)]
    same = name("Round and round")
    circle = [
        issue(same, Identity(issue(same, key=signer, authority=True).certificate, signer), key=key, authority=True)
        for key in keys
        for signer in keys
    ]
    identity = issue(HOST, circle[0], dns=[HOST])
    served = Identity(identity.certificate, identity.key, tuple(each.certificate for each in circle))
    trust = seen(tmp_path, served, declared=authority).chains[0].declared_trust
    assert trust.unseen is Cause.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("altered", "malformed", "failing"),
    [
        (lambda ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("2.5.29.15")]), "keyUsage", None),
        (lambda ca: issue(HOST, ca, extensions=[_unreadable("2.5.29.17")]), "subjectAltName", names_host),
        (lambda ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("1.3.6.1.5.5.7.1.1")]), AIA, None),
        (lambda ca: issue(HOST, ca, dns=[HOST], extensions=[_unreadable("1.3.6.1.5.5.7.1.24")]), FEATURE, must_staple),
        (lambda ca: with_field(issue(HOST, ca, dns=[HOST]), ca, VALIDITY, WITHOUT_SECONDS), "validity", in_date),
        (lambda ca: with_field(issue(HOST, ca, dns=[HOST]), ca, 5, bytes.fromhex("30023100")), "subject", None),
    ],
)
def test_unreadable_part_costs_only_itself(
    between: Identity, altered: Callable[[Identity], Identity], malformed: str, failing: Check | None
) -> None:
    """It is named, the check that it belongs to fails, and every other check on the leaf passes."""
    found = parsed(altered(between))
    assert found.leaves[0].malformed == (malformed,)
    checks = (in_date, names_host, key_strong, must_staple)
    judged = {check.id: check(found).outcome for check in checks}
    assert judged.pop(failing.id if failing else "", Outcome.FAIL) is Outcome.FAIL
    assert set(judged.values()) <= {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_bytes_that_are_no_certificate_are_unseen(between: Identity) -> None:
    """Where not even the fields can be told apart, the certificates are unseen."""
    identity = issue(HOST, between, dns=[HOST])
    found = parsed(replace(identity, sent=identity.der[:200]))
    assert found.leaves_by_kind.usual.unseen is Cause.PROTOCOL_ERROR


def test_public_roots_are_separate_from_declared_ones(tmp_path: Path, authority: Identity) -> None:
    """The public store and the declared roots give separate answers."""
    import certifi

    identity = issue(HOST, authority, dns=[HOST])
    public = Path(certifi.where()).read_bytes()
    found = seen(tmp_path, identity, declared=authority, public=public)
    (chain,) = found.chains
    assert chain.declared_trust.value.chains
    assert chain.public_trust.value.flaw is Flaw.MISSING_ISSUER
    assert found.public_roots > 100


def test_default_host_of_ssl_3_is_ignored(tmp_path: Path, authority: Identity) -> None:
    """The certificate is the one for the server name that was sent, also where another one is the default."""
    wanted, default = issue(HOST, authority, dns=[HOST]), issue("default", authority, dns=["default.example.vn"])
    contexts = {}
    for label, identity in (("wanted", wanted), ("default", default)):
        contexts[label] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[label].load_cert_chain(*identity.write(tmp_path, label))

    def choose(connection: ssl.SSLSocket, server_name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = contexts["wanted" if server_name == HOST else "default"]

    contexts["default"].sni_callback = choose  # type: ignore[assignment]  # a socket is what is handed over here
    with servers.answering(servers.python_tls(contexts["default"])) as port:
        assert [leaf.dns for leaf in scan(port).leaves] == [(HOST,)]
        assert [leaf.dns for leaf in scan(port, host="127.0.0.1").leaves] == [("default.example.vn",)]
