"""What is read of certificates and roots that a library refuses, and what bounds and constraints hold for them."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from inspector import Cause, Outcome
from inspector_tls.certificates import der, path_validation
from inspector_tls.certificates.observations import Flaw, KeyFlaw
from inspector_tls.certificates.public_key import key_of
from inspector_tls.certificates.x509_facts import facts
from inspector_tls.checks.chain_complete import chain_complete
from inspector_tls.checks.chains_to_declared_root import chains_to_declared_root
from inspector_tls.checks.key_strong import key_strong
from inspector_tls.checks.names_host import names_host
from inspector_tls.wire.encoding import Malformed
from tests.plugins.inspector_tls.authority import (
    KEY_INFO,
    PUBLIC,
    Identity,
    defaults_written,
    intermediate,
    issue,
    name,
    on_described_curve,
    root,
    rsa_key,
    rsa_key_info,
    with_field,
)
from tests.plugins.inspector_tls.presented import parsed

HOST = "www.example.vn"
CONSTRAINTS = x509.ObjectIdentifier("2.5.29.30")


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root()


def openssl_accepts(folder: Path, identity: Identity, authority: Identity) -> bool:
    """The result of ``openssl verify``."""
    certificate, _key = identity.write(folder, "leaf", chain=())
    (folder / "root.pem").write_bytes(authority.pem)
    (folder / "sent.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain))
    command = ["openssl", "verify", "-no-CApath", "-CAfile", folder / "root.pem"]
    command += ["-untrusted", folder / "sent.pem"] if identity.chain else []
    return subprocess.run([*command, certificate], capture_output=True, timeout=20, check=False).returncode == 0


# --- roots ------------------------------------------------------------------------------------------------------------


def _constraints(*permitted: bytes) -> tuple[x509.ExtensionType, bool]:
    """Name constraints with these general names, as a library would not write them."""
    subtrees = b"".join(der.encode(der.SEQUENCE, each) for each in permitted)
    return x509.UnrecognizedExtension(CONSTRAINTS, der.encode(der.SEQUENCE, der.encode(0xA0, subtrees))), True


def _dns(domain: str) -> bytes:
    return der.encode(0x82, domain.encode())


ODD_MASK = der.encode(0x87, bytes((127, 0, 0, 1, 255, 0, 0, 255)))
UNREADABLE_NOTICE = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.11"), b"\xff"), False)
ROOTS = {
    "defaults written": lambda: _rewritten(root(extensions=[(x509.SubjectKeyIdentifier(b"1"), False)])),
    "a wildcard among the constraints": lambda: root(
        extensions=[_constraints(_dns("example.vn"), _dns("*.example.vn"))]
    ),
    "an odd mask among the constraints": lambda: root(extensions=[_constraints(_dns("example.vn"), ODD_MASK)]),
    "a zero minimum": lambda: root(extensions=[_constraints(_dns("example.vn") + b"\x80\x01\x00")]),
    "an unreadable notice": lambda: root(extensions=[UNREADABLE_NOTICE]),
}


def _rewritten(made: Identity) -> Identity:
    return defaults_written(made, made)


@pytest.mark.parametrize("way", ROOTS)
def test_roots_that_a_library_refuses(tmp_path: Path, way: str) -> None:
    """A chain to one is valid, as in OpenSSL, and hosts below another root are judged as ever."""
    odd, sound = ROOTS[way](), root("Sound root")
    leaf = issue(HOST, odd, dns=[HOST])
    assert openssl_accepts(tmp_path, leaf, odd)
    assert chains_to_declared_root(parsed(leaf, declared=sound.pem + odd.pem)).outcome is Outcome.PASS
    other = parsed(issue(HOST, sound, dns=[HOST]), declared=odd.pem + sound.pem)
    assert other.declared_roots == 2
    assert chains_to_declared_root(other).outcome is Outcome.PASS


def test_roots_with_unreadable_constraints_leave_their_own_chains_unseen() -> None:
    """What such a root permits is not known; a host below another root is judged as ever."""
    odd = root(extensions=[(x509.UnrecognizedExtension(CONSTRAINTS, b"\xff"), True)])
    sound = root("Sound root")
    unseen = parsed(issue(HOST, odd, dns=[HOST]), declared=sound.pem + odd.pem)
    assert unseen.chains[0].declared_trust.unseen is Cause.PROTOCOL_ERROR
    assert unseen.leaves[0].dns == (HOST,)
    seen = parsed(issue(HOST, sound, dns=[HOST]), declared=odd.pem + sound.pem)
    assert chains_to_declared_root(seen).outcome is Outcome.PASS


def test_bytes_that_are_no_root_are_left_out(authority: Identity) -> None:
    """The other roots of the store count."""
    torn = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    found = parsed(issue(HOST, authority, dns=[HOST]), public=torn + authority.pem)
    assert found.public_roots == 1
    assert found.chains[0].public_trust.value.chains


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modulus", "exponent", "flaw"),
    [
        (None, 65537, None),
        (None, 3, None),
        (None, 1, KeyFlaw.WEAK_EXPONENT),
        (None, 65536, KeyFlaw.WEAK_EXPONENT),
        (2**2047, 65537, KeyFlaw.SMALL_FACTOR),
        (2**2047 + 2**1024, 65537, KeyFlaw.SMALL_FACTOR),
        (751 * (2**2040 + 1), 65537, KeyFlaw.SMALL_FACTOR),
    ],
    ids=["good", "three", "one", "even exponent", "power of two", "even modulus", "factor of 751"],
)
def test_rsa_numbers(authority: Identity, modulus: int | None, exponent: int, flaw: KeyFlaw | None) -> None:
    """A modulus has no small factor, and an exponent is odd and at least 3; the size is read in any case."""
    good = _modulus(rsa_key())
    identity = with_field(issue(HOST, authority), authority, KEY_INFO, rsa_key_info(modulus or good, exponent))
    key = key_of(identity.read)
    assert (key.kind, key.flaw) == ("RSA", flaw)
    assert key.bits == (modulus or good).bit_length()


def _modulus(key: rsa.RSAPrivateKey) -> int:
    return key.public_key().public_numbers().n


def test_tiny_rsa_keys_have_a_size(authority: Identity) -> None:
    """Also a key that no library generates is measured."""
    identity = with_field(issue(HOST, authority), authority, KEY_INFO, rsa_key_info(1009 * 1013, 65537))
    assert key_strong(parsed(identity)).outcome is Outcome.FAIL
    assert key_of(identity.read).bits == 20


def test_curves_are_named(authority: Identity) -> None:
    """A curve that is described is read where it is known, and is a flaw anywhere in the chain (RFC 5480 §2.1.1)."""
    leaf = on_described_curve(issue(HOST, authority, dns=[HOST]), authority)
    found = parsed(leaf, declared=authority.pem)
    assert (found.leaves[0].key.bits, found.leaves[0].key.flaw) == (256, KeyFlaw.EXPLICIT_CURVE)
    assert found.chains[0].declared_trust.value.flaw is Flaw.UNFIT_KEY
    described = on_described_curve(authority, authority)
    below = parsed(issue(HOST, authority, dns=[HOST]), declared=described.pem)
    assert below.chains[0].declared_trust.value.flaw is Flaw.UNFIT_KEY


def test_weak_keys_of_roots_count() -> None:
    """The key of a root that is not sent is judged too, but not who signed the root."""
    weak = root(key=rsa_key(1024))
    found = parsed(issue(HOST, weak, dns=[HOST]), declared=weak.pem)
    verdict = key_strong(found)
    assert verdict.outcome is Outcome.FAIL
    assert found.chains[0].roots[0].subject == "CN=Test root"
    assert key_strong(parsed(issue(HOST, weak, dns=[HOST]))).outcome is Outcome.PASS


# --- chains by keys ---------------------------------------------------------------------------------------------------


def _below_another_key(authority: Identity, *extensions: tuple[x509.ExtensionType, bool]) -> Identity:
    """A certificate by an intermediate of which only the namesake with another key is sent, and the root."""
    old, new = intermediate(authority), intermediate(authority)
    leaf = issue(HOST, new, dns=[HOST], extensions=extensions)
    return Identity(leaf.certificate, leaf.key, (old.certificate, authority.certificate))


def test_namesake_with_another_key_is_no_issuer(authority: Identity) -> None:
    """A renewed intermediate is missing where the old one is sent, whatever its name says."""
    public = parsed(_below_another_key(authority, PUBLIC), public=authority.pem)
    assert chain_complete(public).outcome is Outcome.FAIL
    declared = parsed(_below_another_key(authority), declared=authority.pem)
    assert chain_complete(declared).outcome is Outcome.FAIL
    unknown = parsed(_below_another_key(authority))
    assert chain_complete(unknown).outcome is Outcome.INCONCLUSIVE
    assert [each.subject for each in unknown.chains[0].signed] == [f"CN={HOST}"]


def test_self_signature_makes_a_root(authority: Identity) -> None:
    """An intermediate with its issuer's name, but not signed by itself, ends no chain."""
    crossed = issue("Test root", authority, authority=True)
    leaf = issue(HOST, crossed, dns=[HOST])
    found = parsed(Identity(leaf.certificate, leaf.key, (crossed.certificate,)))
    assert not found.chains[0].ends_in_root
    assert chain_complete(found).outcome is Outcome.INCONCLUSIVE


def test_missing_issuer_is_an_intermediate_where_roots_are_declared(authority: Identity) -> None:
    """What is neither sent nor among the declared and the public roots must be sent (RFC 8446 §4.4.2)."""
    leaf = issue(HOST, intermediate(authority), dns=[HOST])
    alone = Identity(leaf.certificate, leaf.key)
    assert chain_complete(parsed(alone, declared=authority.pem)).outcome is Outcome.FAIL
    assert chain_complete(parsed(alone)).outcome is Outcome.INCONCLUSIVE
    direct = issue(HOST, authority, dns=[HOST])
    assert chain_complete(parsed(direct, declared=authority.pem)).outcome is Outcome.PASS


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "wildcard", "outcome"),
    [
        ("example.gov.vn", "*.gov.vn", Outcome.FAIL),
        ("example.vn", "*.vn", Outcome.FAIL),
        ("example.vn", "*.VN", Outcome.FAIL),
        ("www.example.gov.vn", "*.example.gov.vn", Outcome.PASS),
        ("example.github.io", "*.github.io", Outcome.PASS),
        ("www.example.test", "*.example.test", Outcome.PASS),
    ],
)
def test_wildcards_below_public_suffixes_name_no_host(
    authority: Identity, host: str, wildcard: str, outcome: Outcome
) -> None:
    """Those that a registry runs, as in Chrome; hosts below those of a company are its own to name."""
    assert names_host(parsed(issue("x", authority, dns=[wildcard]), host=host)).outcome is outcome
    both = parsed(issue("x", authority, dns=[wildcard, host]), host=host)
    assert names_host(both).outcome is Outcome.PASS


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "flaw"), [(timedelta(milliseconds=999), None), (timedelta(seconds=1), Flaw.EXPIRED)])
def test_last_second_is_valid_to_its_end(authority: Identity, after: timedelta, flaw: Flaw | None) -> None:
    """notAfter is the last valid second, not the first moment after (RFC 5280 §4.1.2.5)."""
    leaf = issue(HOST, authority, dns=[HOST])
    at = leaf.certificate.not_valid_after_utc + after
    assert parsed(leaf, declared=authority.pem, at=at).chains[0].declared_trust.value.flaw is flaw


# --- name constraints -------------------------------------------------------------------------------------------------


def _limited(
    authority: Identity,
    dns: Sequence[str],
    *,
    permitted: Sequence[x509.GeneralName] = (),
    excluded: Sequence[x509.GeneralName] = (),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Identity:
    constraints = x509.NameConstraints(permitted or None, excluded or None)
    return issue(name("x"), intermediate(authority, extensions=[(constraints, True)]), dns=dns, extensions=extensions)


@pytest.mark.parametrize(
    ("wildcard", "excluded", "flaw"),
    [
        ("*.example.vn", "secret.example.vn", Flaw.NAME_NOT_PERMITTED),
        ("*.EXAMPLE.vn", "secret.example.VN", Flaw.NAME_NOT_PERMITTED),
        ("*.example.vn", "deep.secret.example.vn", None),
        ("*.example.vn", "secret.example.com", None),
        ("www.example.vn", "secret.example.vn", None),
    ],
)
def test_wildcards_that_can_match_an_excluded_name(
    authority: Identity, wildcard: str, excluded: str, flaw: Flaw | None
) -> None:
    """They are refused (CVE-2025-61727), although the wildcard is not within the subtree; OpenSSL accepts them."""
    identity = _limited(authority, [wildcard], excluded=[x509.DNSName(excluded)])
    assert parsed(identity, declared=authority.pem).chains[0].declared_trust.value.flaw is flaw


def test_excluded_wildcards_are_not_judged(authority: Identity) -> None:
    """An excluded wildcard, which RFC 5280 does not define, leaves it open whether a name below it is excluded."""
    excluded = der.encode(der.SEQUENCE, der.encode(0xA1, der.encode(der.SEQUENCE, _dns("*.example.vn"))))
    odd = root(extensions=[(x509.UnrecognizedExtension(CONSTRAINTS, excluded), True)])
    found = parsed(issue(HOST, odd, dns=[HOST]), declared=odd.pem)
    assert found.chains[0].declared_trust.unseen is Cause.PROTOCOL_ERROR
    other = parsed(issue("www.example.com", odd, dns=["www.example.com"]), declared=odd.pem)
    assert other.chains[0].declared_trust.value.chains


@pytest.mark.parametrize(
    ("uri", "permitted", "flaw"),
    [
        ("https://www.example.vn/", "www.example.vn", None),
        ("https://www.example.vn/", ".example.vn", None),
        ("https://www.example.vn/", "example.vn", Flaw.NAME_NOT_PERMITTED),
    ],
)
def test_uris_are_within_constraints(
    tmp_path: Path, authority: Identity, uri: str, permitted: str, flaw: Flaw | None
) -> None:
    """A host means itself, and a leading dot its subdomains (RFC 5280 §4.2.1.10), as in OpenSSL."""
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.UniformResourceIdentifier(uri)])
    constraints = [x509.UniformResourceIdentifier(permitted)]
    identity = _limited(authority, [], permitted=constraints, extensions=[(names, False)])
    assert parsed(identity, declared=authority.pem).chains[0].declared_trust.value.flaw is flaw
    assert openssl_accepts(tmp_path, identity, authority) is (flaw is None)


def test_comparisons_with_constraints_are_bounded(authority: Identity) -> None:
    """Thousands of names below thousands of constraints are not compared: trust is unseen, with a cause."""
    permitted = [x509.DNSName(f"d{number}.example.vn") for number in range(1000)]
    few = _limited(authority, [f"a.d{number}.example.vn" for number in range(200)], permitted=permitted)
    assert parsed(few, declared=authority.pem).chains[0].declared_trust.value.chains
    many = _limited(authority, [f"a.d{number}.example.vn" for number in range(300)], permitted=permitted)
    assert path_validation.COMPARISON_LIMIT < 300 * 1000
    found = parsed(many, declared=authority.pem)
    assert found.chains[0].declared_trust.unseen is Cause.PROTOCOL_ERROR


# --- encodings --------------------------------------------------------------------------------------------------------


def test_entries_of_alternative_names_are_read_alone(authority: Identity) -> None:
    """A name that is not ASCII and an address of a wrong size leave the others readable, and are named."""
    entries = _dns(HOST) + der.encode(0x82, "bücher.example.vn".encode()) + der.encode(0x87, bytes(5))
    names = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), der.encode(der.SEQUENCE, entries))
    found = facts(issue(HOST, authority, extensions=[(names, False)]).read)
    assert (found.dns, found.ip, found.malformed) == ((HOST,), (), ("subjectAltName",))


def test_lengths_of_any_form_are_read(authority: Identity) -> None:
    """A certificate in BER, of long and indefinite lengths, is the same certificate with another digest."""
    leaf = issue(HOST, authority, dns=[HOST], ip=["127.0.0.1"])
    _, algorithm, signature = der.element(leaf.der, der.SEQUENCE).elements
    whole = leaf.read.signed + algorithm.encoded + signature.encoded
    loose = Identity(leaf.certificate, leaf.key, sent=b"\x30\x80" + whole + b"\x00\x00")
    found = parsed(loose, declared=authority.pem)
    assert found.leaves[0].ip == (str(ipaddress.ip_address("127.0.0.1")),)
    assert found.chains[0].declared_trust.value.chains


@pytest.mark.parametrize(
    "data",
    [
        b"\x30",
        b"\x30\x05\x00",
        b"\x30\x80",
        b"\x30\x80" * 40,
        b"\x1f\xff\xff",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80\x00",
    ],
)
def test_torn_elements_are_malformed(data: bytes) -> None:
    """They end with the documented exception."""
    with pytest.raises(Malformed):
        der.elements(data)
