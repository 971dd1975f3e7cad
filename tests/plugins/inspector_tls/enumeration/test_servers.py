"""Running servers with known facts: all are seen, in few hellos."""

from __future__ import annotations

import contextlib
import hashlib
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tlslite import mathtls

from inspector_tls.enumeration.probe import transcript_of
from inspector_tls.enumeration.transcript import Transcript
from inspector_tls.observations import Preference, Tls
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.enumeration.scanning import HOST, enumerate_port

V = TlsVersion
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
NAMES = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)


@pytest.fixture(scope="module")
def authority() -> Identity:
    """An intermediate authority that the servers send along."""
    return intermediate(root())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for the files of the servers."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def rsa(authority: Identity, folder: Path) -> tuple[Path, Path]:
    """A certificate with an RSA key."""
    return issue(HOST, authority, key=rsa_key(), dns=[HOST]).write(folder, "rsa")


@pytest.fixture(scope="module")
def ecdsa(authority: Identity, folder: Path) -> tuple[Path, Path]:
    """A certificate with a key on P-256."""
    return issue(HOST, authority, dns=[HOST]).write(folder, "ecdsa")


@pytest.fixture(scope="module")
def modern(folder: Path, rsa: tuple[Path, Path], ecdsa: tuple[Path, Path]) -> Iterator[int]:
    """nginx with TLS 1.2 and 1.3, an RSA and an ECDSA certificate, and its own order of suites."""
    certificates = "".join(f"ssl_certificate {each[0]}; ssl_certificate_key {each[1]}; " for each in (rsa, ecdsa))
    directives = (
        f"{certificates} ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {SUITES}; ssl_prefer_server_ciphers on;"
        " ssl_ecdh_curve X25519:prime256v1:secp384r1:X448:secp521r1;"
    )
    with servers.nginx(folder, directives) as port:
        yield port


@pytest.fixture(scope="module")
def weak(folder: Path, rsa: tuple[Path, Path]) -> Iterator[int]:
    """nginx with TLS 1.0 to 1.2, every suite of its OpenSSL, and a short prime that the world knows."""
    short = folder / "dh.pem"
    pem = ssl.DER_cert_to_PEM_cert(_parameters(*mathtls.RFC2409_GROUP2))
    short.write_text(pem.replace("CERTIFICATE", "DH PARAMETERS"))
    directives = (
        f"ssl_certificate {rsa[0]}; ssl_certificate_key {rsa[1]}; ssl_protocols TLSv1 TLSv1.1 TLSv1.2;"
        f" ssl_ciphers ALL:eNULL:aNULL:@SECLEVEL=0; ssl_dhparam {short}; ssl_session_tickets off;"
    )
    with servers.nginx(folder, directives) as port:
        yield port


def _parameters(generator: int, prime: int) -> bytes:
    """The DER of Diffie-Hellman parameters (PKCS #3 §9)."""
    body = b"\x02\x81\x81\x00" + prime.to_bytes(128, "big") + b"\x02\x01" + bytes((generator,))
    return b"\x30\x81" + bytes((len(body),)) + body


def floor(facts: Tls) -> int:
    """The fewest hellos that show the versions, suites and groups of a server."""
    lists = [facts.groups.accepted, facts.curves.accepted]
    versions = sum(len(each.suites.accepted) + 1 if each.accepted.seen else 1 for each in facts.versions.each[1:])
    return 1 + versions + sum(len(each) + 1 for each in lists if each)


# --- A modern server --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(modern: int) -> tuple[Tls, Transcript]:
    """What is seen of the modern server."""
    return enumerate_port(modern)


def test_a_modern_server_is_enumerated_completely(seen: tuple[Tls, Transcript]) -> None:
    """Versions, suites in the server's order, groups before and of TLS 1.3, and no gap."""
    facts, _ = seen
    assert [each.version for each in facts.accepted] == [V.TLS_1_2, V.TLS_1_3]
    assert facts[V.TLS_1_2].suites.accepted == NAMES
    assert facts[V.TLS_1_2].preference.seen is Preference.SERVER
    assert facts[V.TLS_1_2].ordered
    assert set(facts[V.TLS_1_3].suites.accepted) == {
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
    }
    assert facts.groups.accepted == ("x25519", "secp256r1", "secp384r1", "x448", "secp521r1")
    assert facts.curves.accepted == facts.groups.accepted
    assert facts.gaps == ()


def test_a_modern_server_shows_its_extensions(seen: tuple[Tls, Transcript]) -> None:
    """The extensions of the server's hellos are facts."""
    extensions = seen[0].extensions
    assert extensions.secure_renegotiation.seen
    assert extensions.extended_master_secret.seen
    assert extensions.encrypt_then_mac.value is None
    assert extensions.compression.seen is False
    assert extensions.fallback_refused.value is None
    assert {"rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256"} <= set(seen[0].signatures.accepted)


def test_both_certificates_of_a_modern_server_are_seen(
    seen: tuple[Tls, Transcript], rsa: tuple[Path, Path], ecdsa: tuple[Path, Path]
) -> None:
    """The RSA chain and the ECDSA chain come in clear text."""
    assert set(seen[0].served) == {
        tuple(
            hashlib.sha256(each.public_bytes(Encoding.DER)).hexdigest()
            for each in x509.load_pem_x509_certificates(files[0].read_bytes())
        )
        for files in (rsa, ecdsa)
    }


def test_a_modern_server_takes_at_most_fifty_three_connections(seen: tuple[Tls, Transcript]) -> None:
    """All questions, the extra ones too, cost a modern server no more."""
    assert seen[1].connections <= 53


def test_a_modern_openssl_takes_at_most_fifty_three_connections(ecdsa: tuple[Path, Path]) -> None:
    """So does OpenSSL with its defaults, which answers old versions by an ambiguous alert."""
    with servers.openssl(ecdsa, "-alpn", "h2,http/1.1") as port:
        facts, transcript = enumerate_port(port)
    assert [each.version for each in facts.accepted] == [V.TLS_1_2, V.TLS_1_3]
    assert transcript.connections <= 53


@pytest.mark.parametrize(("fast", "most"), [(False, 1.10), (True, 1.35)])
@pytest.mark.parametrize("name", ["modern", "weak"])
def test_connections_stay_near_the_minimum(
    name: str, request: pytest.FixtureRequest, most: float, *, fast: bool
) -> None:
    """A running server is enumerated with at most so many times the fewest hellos that can show what it has."""
    facts, transcript = enumerate_port(request.getfixturevalue(name), fast=fast, extra=False)
    assert transcript.connections <= most * floor(facts)


def test_fast_and_economical_mode_see_the_same(weak: int) -> None:
    """The mode changes the number of connections, not what is seen."""
    economical, fast = (enumerate_port(weak, fast=fast)[0] for fast in (False, True))
    for version in TlsVersion:
        assert set(economical[version].suites.accepted) == set(fast[version].suites.accepted)
        assert economical[version].preference == fast[version].preference
    assert economical.curves == fast.curves
    assert economical.tolerance == fast.tolerance


def test_the_ledger_counts_every_connection(modern: int) -> None:
    """The transcript has one exchange per connection in the ledger."""
    from inspector.testing import run_probe
    from tests.plugins.inspector_tls.enumeration.scanning import enumerated

    scan = run_probe(enumerated, f"tls://{HOST}:{modern}")
    transcript = transcript_of(scan.output)
    assert len(scan.ledger) == transcript.connections


# --- A weak server ----------------------------------------------------------------------------------------------------


def test_a_weak_server_shows_all_its_suites(weak: int) -> None:
    """Null, anonymous and old suites are found, exactly those that OpenSSL lists for the server."""
    facts, _ = enumerate_port(weak)
    assert [each.version for each in facts.accepted] == [V.TLS_1_0, V.TLS_1_1, V.TLS_1_2]
    assert facts[V.TLS_1_2].preference.seen is Preference.CLIENT
    assert set(facts[V.TLS_1_2].suites.accepted) == _of_openssl("ALL:eNULL:aNULL:@SECLEVEL=0")
    assert facts.gaps == ()
    assert facts.extensions.encrypt_then_mac.seen
    assert facts.extensions.fallback_refused.seen


def _of_openssl(cipher_list: str) -> set[str]:
    """The suites that a server with this list and an RSA key has in TLS 1.2."""
    command = ("openssl", "ciphers", "-stdname", "-s", "-tls1_2", cipher_list)
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = {line.split()[0] for line in lines if "Au=RSA" in line or "Au=None" in line}
    return {name for name in names if "_PSK_" not in name and "_SRP_" not in name}


def test_a_short_prime_is_named(weak: int) -> None:
    """The prime of the weak server has its size and its name."""
    facts, _ = enumerate_port(weak, extra=False)
    assert [(each.bits, each.known) for each in facts.primes] == [(1024, "RFC 2409 group 2")]
    assert facts.primes[0].versions == (V.TLS_1_0, V.TLS_1_1, V.TLS_1_2)


# --- Particular servers -----------------------------------------------------------------------------------------------


def test_a_server_with_ecdsa_only_shows_every_curve(ecdsa: tuple[Path, Path]) -> None:
    """The curve of the only certificate is offered in every hello, so that the other curves are seen."""
    with servers.openssl(ecdsa, "-tls1_2", "-groups", "P-384:P-256:P-521") as port:
        facts, _ = enumerate_port(port)
    assert set(facts.curves.accepted) == {"secp384r1", "secp256r1", "secp521r1"}
    assert facts.curves.complete.seen
    assert len(facts.served) == 1


def test_a_server_of_pre_shared_keys_is_seen(rsa: tuple[Path, Path]) -> None:
    """Suites with a pre-shared key are found without one; there is no certificate."""
    arguments = ("-cipher", "PSK:@SECLEVEL=0", "-psk", "0123", "-tls1_2")
    with servers.openssl(rsa, *arguments, "-nocert") as port:
        facts, _ = enumerate_port(port)
    assert "TLS_PSK_WITH_AES_128_GCM_SHA256" in facts[V.TLS_1_2].suites.accepted
    assert "TLS_DHE_PSK_WITH_AES_256_CBC_SHA" in facts[V.TLS_1_2].suites.accepted
    assert facts[V.TLS_1_2].suites.complete.seen
    assert len(facts.curves.accepted) > 2
    assert facts.curves.complete.seen
    assert not facts.served


def test_a_server_of_tls_1_3_alone_shows_its_signatures(rsa: tuple[Path, Path]) -> None:
    """Without any clear text the signature schemes are asked for one by one."""
    with servers.openssl(rsa, "-tls1_3") as port:
        facts, _ = enumerate_port(port)
    assert [each.version for each in facts.accepted] == [V.TLS_1_3]
    assert set(facts.signatures.accepted) == {f"rsa_pss_rsae_sha{bits}" for bits in (256, 384, 512)}
    assert facts.signatures.complete.seen
    assert facts.extensions.secure_renegotiation.value is None
    assert facts.tolerance.future_version.value is None


def test_ssl_3_and_broken_ciphers_are_seen(rsa: tuple[Path, Path]) -> None:
    """SSL 3.0 and TLS 1.0 with RC4 and 3DES, of a server that no current OpenSSL supports."""
    port = servers.free_port()
    command = (sys.executable, Path(__file__).with_name("old_server.py"), str(port), *map(str, rsa))
    with servers.running(command, port) as listening:
        facts, _ = enumerate_port(listening)
    assert [each.version for each in facts.accepted] == [V.SSL_3, V.TLS_1_0]
    assert set(facts[V.SSL_3].suites.accepted) == {
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_RC4_128_MD5",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    }
    assert facts[V.SSL_3].suites.complete.seen
    assert facts[V.TLS_1_0].suites.complete.seen


def test_no_name_is_sent_for_an_address(modern: int) -> None:
    """Without a name no hello carries one."""
    _, transcript = enumerate_port(modern, server_name=None)
    assert HOST.encode() not in b"".join(each.sent for each in transcript.exchanges)


def hung_up(connection: socket.socket) -> bool:
    """Whether the client has closed this connection."""
    watch = select.poll()
    watch.register(connection, select.POLLRDHUP)
    return bool(watch.poll(0))


def test_at_most_five_connections_are_open_at_a_time() -> None:
    """A server that does not answer never sees more than five connections."""
    most = 0
    seen: list[socket.socket] = []
    lock = threading.Lock()

    def count(connection: socket.socket) -> None:
        nonlocal most
        with lock:
            # The kernel knows at once who has left; a thread that reads learns it when it runs next.
            seen.append(held.enter_context(connection.dup()))
            most = max(most, sum(1 for each in seen if not hung_up(each)))
        while connection.recv(4096):
            pass

    with contextlib.ExitStack() as held, servers.answering(count) as port:
        enumerate_port(port, seconds=1)
    assert most == 5
