"""How certificates are asked for, on servers of every version and kind and on hostile ones."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Answer, Cause, ScanFailure
from inspector.model.base import now
from inspector.plugin.probe import ParseContext
from inspector_tls.certificates.handshake import HandshakeEnd
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile, anonymous_suites, hello
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.parsing import HANDSHAKES, Handshake, Handshakes, parse, settle
from inspector_tls.certificates.probe import certificates
from inspector_tls.wire.certificate_messages import Presented, parse_status, parse_timestamps
from inspector_tls.wire.client_hello import decode, encode
from inspector_tls.wire.code_points import groups, signatures, suites
from inspector_tls.wire.encoding import Malformed
from inspector_tls.wire.server_flight import ServerHello
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import (
    Identity,
    ec_key,
    intermediate,
    issue,
    name,
    response,
    root,
    rsa_key,
)
from tests.plugins.inspector_tls.scanning import scan_certificates as scan
from tests.plugins.inspector_tls.scanning import scanned

HOST = "www.example.vn"
ANY = "ALL:@SECLEVEL=0"


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root()


@pytest.fixture(scope="module")
def identity(authority: Identity) -> Identity:
    """A certificate with an RSA key, which every version can use."""
    return issue(HOST, authority, key=rsa_key(), dns=[HOST])


def shown(found: Certificates) -> tuple[str | None, str | None, str | None]:
    """The three answers about the host's certificates."""
    usual, rsa, other = (answer.value for answer in found.leaves_by_kind.answers)
    return usual, rsa, other


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-tls1_3",),
        *((("-tls1_3", "-groups", group)) for group in ("X25519", "P-256", "P-384", "P-521", "X448")),
        *((("-tls1_3", "-groups", f"ffdhe{bits}")) for bits in (2048, 3072, 4096, 6144, 8192)),
        *(
            ("-tls1_3", "-ciphersuites", f"TLS_{suite}")
            for suite in (
                "AES_128_GCM_SHA256",
                "AES_256_GCM_SHA384",
                "CHACHA20_POLY1305_SHA256",
                "AES_128_CCM_SHA256",
            )
        ),
        # OpenSSL 3.5 refuses short tags at its usual security level.
        ("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256", "-cipher", ANY),
        ("-tls1_3", "-groups", "P-384", "-ciphersuites", "TLS_AES_256_GCM_SHA384"),
        ("-tls1_3", "-Verify", "1"),
        ("-tls1_3", "-stateless"),
        ("-tls1_2",),
        ("-tls1_2", "-Verify", "1"),
        ("-tls1_2", "-cipher", "DHE-RSA-AES128-SHA"),
        ("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"),
        *(("-tls1_2", "-groups", f"brainpoolP{bits}r1") for bits in (256, 384, 512)),
        ("-tls1_2", "-sigalgs", "RSA+SHA224", "-cipher", "ECDHE"),
        ("-tls1_1", "-cipher", ANY),
        ("-tls1", "-cipher", ANY),
        ("-split_send_frag", "512", "-max_send_frag", "512"),
    ],
)
def test_certificates_of_every_configuration(
    tmp_path: Path, authority: Identity, identity: Identity, arguments: tuple[str, ...]
) -> None:
    """Whatever version, suite and group a server is limited to, its certificates are seen."""
    with servers.openssl(identity.write(tmp_path, "server"), *arguments) as port:
        found = scan(port, declared=authority.pem)
    (chain,) = found.chains
    assert shown(found) == (chain.leaf.sha256, chain.leaf.sha256, None)
    assert chain.declared_trust.value.chains
    assert chain.staple.value is None


@pytest.mark.parametrize(
    "group",
    [
        *(f"brainpoolP{bits}r1tls13" for bits in (256, 384, 512)),
        "MLKEM768",
        "MLKEM1024",
        "X25519MLKEM768",
    ],
)
def test_certificates_in_newer_groups(tmp_path: Path, authority: Identity, identity: Identity, group: str) -> None:
    """Where TLS 1.3 is limited to a group of Brainpool or to ML-KEM, the certificates are seen."""
    answer = servers.newer_openssl(identity.write(tmp_path, "server"), group)
    with servers.answering(answer) as port:
        found = scan(port, declared=authority.pem)
    (chain,) = found.chains
    assert shown(found) == (chain.leaf.sha256, chain.leaf.sha256, None)


@pytest.mark.parametrize("group", ["MLKEM512"])
def test_a_group_without_key_agreement_is_named(tmp_path: Path, identity: Identity, group: str) -> None:
    """A server that agrees on keys only in a group which the probe cannot compute is such a failure, not an error."""
    with servers.answering(servers.newer_openssl(identity.write(tmp_path, "server"), group)) as port:
        failure = scanned(port, probe=certificates).failure
    assert failure is not None
    assert failure.cause is Cause.TOOL_MISSING
    assert group in failure.detail


def test_every_chain_of_the_host_and_no_other(tmp_path: Path, authority: Identity, identity: Identity) -> None:
    """RSA and ECDSA certificates of the host are seen, those of the default host are not."""
    between = intermediate(authority)
    made = {
        "host-ec": issue(HOST, between, dns=[HOST]),
        "host-rsa": identity,
        "default-ec": issue("default", authority, dns=["default.example.vn"]),
        "default-rsa": issue("default", between, key=rsa_key(), dns=["default.example.vn"]),
    }
    lines = {}
    for label, each in made.items():
        certificate, key = each.write(tmp_path, label)
        lines[label] = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
    first = lines["default-ec"] + lines["default-rsa"] + " location / { return 200; } } server { server_name " + HOST
    with servers.nginx(tmp_path, f"{first}; LISTEN; {lines['host-ec']}{lines['host-rsa']}") as port:
        found = scan(port, declared=authority.pem)
    digests = {label: _digest(each) for label, each in made.items()}
    assert shown(found) == (digests["host-ec"], digests["host-rsa"], digests["host-ec"])
    assert {chain.leaf.sha256 for chain in found.chains} == {digests["host-ec"], digests["host-rsa"]}
    assert {leaf.dns for leaf in found.leaves} == {(HOST,)}
    assert all(chain.declared_trust.value.chains for chain in found.chains)


def test_certificates_of_the_default_host_do_not_count(tmp_path: Path, authority: Identity) -> None:
    """A default host with the same certificate, but without the intermediate and with a response stapled, adds none."""
    between = intermediate(authority)
    made = issue(HOST, between, dns=[HOST])
    whole, key = made.write(tmp_path, "whole")
    alone, _ = made.write(tmp_path, "alone", chain=())
    staple = tmp_path / "staple.der"
    staple.write_bytes(response(made, between))
    default = f"ssl_certificate {alone}; ssl_certificate_key {key}; ssl_stapling on; ssl_stapling_file {staple};"
    host = f"server_name {HOST}; LISTEN; ssl_certificate {whole}; ssl_certificate_key {key};"
    with servers.nginx(tmp_path, f"{default} location / {{ return 200; }} }} server {{ {host}") as port:
        found = scan(port, declared=authority.pem)
    (chain,) = found.chains
    assert len(chain.certificates) == 2
    assert chain.declared_trust.value.chains
    assert chain.staple.value is None


def _digest(identity: Identity) -> str:
    from cryptography.hazmat.primitives import hashes

    return identity.certificate.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("key", [rsa_key, ec_key])
def test_few_connections_all_on_the_ledger(tmp_path: Path, authority: Identity, key: Callable[[], Any]) -> None:
    """A modern server sees three connections, one for each kind of certificate, and all are in the ledger."""
    identity = issue(HOST, authority, key=key(), dns=[HOST])
    with servers.openssl(identity.write(tmp_path, "server")) as port:
        seen = scanned(port, probe=certificates)
    assert len(seen.ledger) == 3
    assert certificates.cost(seen.target, {}).connections >= 3
    leaf = seen.seen(Certificates).leaves_by_kind.usual.value
    assert [raw.name for raw in seen.output.raw] == [HANDSHAKES, f"{leaf}.der"]


def test_parsing_again_gives_the_same_bytes(tmp_path: Path, identity: Identity, authority: Identity) -> None:
    """The same raw bytes parsed twice give the same facts, byte for byte."""
    with servers.openssl(identity.write(tmp_path, "server")) as port:
        seen = scanned(port, probe=certificates, declared=authority.pem)
    facts = seen.seen(Certificates)
    assert Certificates.parse(facts.canonical()) == facts
    again = parse(seen.output, ParseContext(seen.target.subject, facts.seen_at, declared_roots=authority.pem))
    assert again.canonical() == facts.canonical()


def test_linter_that_is_missing_is_unseen(tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the linter its findings are unseen since the tool is missing, not absent."""
    with servers.openssl(identity.write(tmp_path, "server")) as port:
        seen = scanned(port, probe=certificates)
    monkeypatch.setitem(__import__("sys").modules, "pkilint", None)
    (chain,) = parse(seen.output, ParseContext(seen.target.subject, now())).chains
    assert chain.lint_findings.unseen is Cause.TOOL_MISSING


def test_linter_knows_languages() -> None:
    """The table of languages, omitted when the linter is imported, is loaded when the linter uses it."""
    source = (
        "import sys, contextlib; from inspector_tls.certificates.lint import NotLinted, lint\n"
        "with contextlib.suppress(NotLinted): lint(b'')\n"
        "from pkilint.etsi import en_319_412_5 as user; print('iso639.language' in sys.modules)\n"
        "print(user.iso639.Language.from_part1('vi').name)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "Vietnamese"]


def test_linter_with_another_layout(tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linting is slower, and nothing else, where another module of the linter loads the public suffixes."""
    with servers.openssl(identity.write(tmp_path, "server")) as port:
        seen = scanned(port, probe=certificates)
    (chain,) = parse(seen.output, ParseContext(seen.target.subject, now())).chains
    assert chain.lint_findings.seen
    monkeypatch.setattr("pkilint.common.alternative_name", ModuleType("alternative_name"))
    assert parse(seen.output, ParseContext(seen.target.subject, now())).chains == (chain,)


def _made(*answers: int | None) -> tuple[Handshake, ...]:
    """Handshakes of a client that accepts RSA alone: an alert (0: a close without one), or the usual certificate."""
    profile = HelloProfile.TLS_1_3
    return tuple(
        Handshake(profile=profile, kind=CertificateKind.USUAL, end=HandshakeEnd.PRESENTED, chain=("ab",))
        if answer is None
        else Handshake(
            profile=profile,
            kind=CertificateKind.RSA,
            end=HandshakeEnd.ALERT if answer else HandshakeEnd.CLOSED,
            alert=answer or None,
        )
        for answer in answers
    )


@pytest.mark.parametrize(
    ("answers", "settled"),
    [
        ((None, 40, None), Answer(seen=None)),
        ((None, 40), Answer(unseen=Cause.AMBIGUOUS)),
        ((None, 0, 0, None), Answer(seen=None)),
        ((None, 0, 80, None), Answer(seen=None)),
        ((None, 0, None), Answer(unseen=Cause.AMBIGUOUS)),
        ((None, 0, None, 0), Answer(unseen=Cause.AMBIGUOUS)),
        ((None, 49, 49, None), Answer(unseen=Cause.BLOCKED)),
        ((None, 112, 112, None), Answer(unseen=Cause.PROTOCOL_ERROR)),
        ((None,), Answer(unseen=Cause.NOT_REACHED)),
    ],
)
def test_what_counts_as_a_refusal(answers: tuple[int | None, ...], settled: Answer[str | None]) -> None:
    """A definite alert does, and an ambiguous end that occurs twice, if certificates are presented afterwards."""
    assert settle(_made(*answers), CertificateKind.RSA) == settled


# --- hostile servers ------------------------------------------------------------------------------------------------


def _record(kind: int, content: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2, "big") + content


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


#: A hello of TLS 1.2 that chooses an ECDHE suite.
HELLO = _message(2, b"\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00")
CERTIFICATE = 11


def _sending(*parts: bytes) -> servers.Answer:
    def answer(connection: servers.socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)
        connection.recv(1)

    return answer


def _endlessly(part: bytes, before: bytes = b"") -> servers.Answer:
    def answer(connection: servers.socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(before)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(part * 16)

    return answer


def _dripping(connection: servers.socket.socket) -> None:
    connection.recv(4096)
    with contextlib.suppress(OSError):
        for octet in _record(22, HELLO + _message(CERTIFICATE, bytes(4000))):
            connection.sendall(bytes([octet]))
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (servers.silent, Cause.TIMEOUT, "in time"),
        (servers.resetting, Cause.RESET, "resets"),
        (servers.not_tls, Cause.PROTOCOL_ERROR, "answers a TLS hello with"),
        (servers.clear_http, Cause.PROTOCOL_ERROR, "HTTP/1.1 400"),
        (_sending(_record(21, b"\x02\x28")), Cause.PROTOCOL_ERROR, "number 40"),
        (servers.first_and_then(servers.silent, _sending(_record(21, b"\x02\x28"))), Cause.TIMEOUT, "in time"),
        (_sending(_record(21, b"\x02\x70")), Cause.PROTOCOL_ERROR, "number 112"),
        (_endlessly(_record(21, b"\x01\x5a")), Cause.PROTOCOL_ERROR, "without handshake content"),
        (_endlessly(_record(22, b"")), Cause.PROTOCOL_ERROR, "without handshake content"),
        (_endlessly(_record(22, bytes(100)), _record(22, HELLO)), Cause.PROTOCOL_ERROR, "first messages"),
        (_sending(_record(22, HELLO + b"\x0b\xff\xff\xff")), Cause.PROTOCOL_ERROR, "16777219 bytes"),
        (
            _endlessly(_record(22, bytes(16384)), _record(22, HELLO + b"\x0b\xf4\x24\x00")),
            Cause.PROTOCOL_ERROR,
            "bytes",
        ),
        (_sending(_record(22, HELLO + _message(CERTIFICATE, b"\x00\x00\x00"))), Cause.PROTOCOL_ERROR, "without certif"),
        (_sending(_record(22, HELLO + _message(CERTIFICATE, b"\x00\x00\x09\x00"))), Cause.PROTOCOL_ERROR, "whole"),
        (_sending(_record(22, HELLO[:20] + bytes(40))), Cause.TIMEOUT, "in time"),
        (_sending(_record(23, bytes(64))), Cause.PROTOCOL_ERROR, "before there are keys"),
        (_dripping, Cause.TIMEOUT, "in time"),
    ],
)
def test_hostile_servers_end_in_a_failure(answer: servers.Answer, cause: Cause, words: str) -> None:
    """Whatever a server sends instead of certificates, the scan ends soon, with its cause."""
    with servers.answering(answer) as port, pytest.raises(ScanFailure, match=words) as failure:
        scan(port, seconds=1 if cause is Cause.TIMEOUT else 10)
    assert failure.value.cause is cause


def test_refused_port() -> None:
    """A closed port is refused."""
    with pytest.raises(ScanFailure) as failure:
        scan(servers.free_port())
    assert failure.value.cause is Cause.REFUSED


def test_version_intolerance_is_no_refusal(tmp_path: Path, identity: Identity) -> None:
    """A server that drops newer hellos is asked in older ones until it shows its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path, "server"))
    speaking = servers.python_tls(context)

    def intolerant(connection: servers.socket.socket) -> None:
        hello = connection.recv(4096, servers.socket.MSG_PEEK)
        if b"\x00\x2b\x00\x09\x08" in hello:
            connection.recv(4096)
        else:
            speaking(connection)

    with servers.answering(intolerant) as port:
        found = scan(port)
    assert found.leaves_by_kind.usual.value == _digest(identity)


def test_hundred_self_issued_intermediates(tmp_path: Path, authority: Identity) -> None:
    """A hundred intermediates of one name cost bounded work: trust is unseen, the certificate is not."""
    same = name("Round and round")
    keys = [ec_key() for _ in range(10)]
    circle = [
        issue(same, Identity(issue(same, key=signer, authority=True).certificate, signer), key=key, authority=True)
        for key in keys
        for signer in keys
    ]
    leaf = issue(HOST, circle[0], dns=[HOST])
    served = Identity(leaf.certificate, leaf.key, tuple(each.certificate for each in circle))
    with servers.openssl(served.write(tmp_path, "server")) as port:
        (chain,) = scan(port, declared=authority.pem).chains
    assert len({each.sha256 for each in chain.certificates}) == 101
    assert chain.declared_trust.unseen is Cause.PROTOCOL_ERROR
    assert chain.leaf.names(HOST)


@given(st.binary(max_size=400))
def test_messages_of_any_bytes(data: bytes) -> None:
    """Any message is parsed or malformed."""
    parsers: tuple[Callable[[bytes], object], ...] = (
        ServerHello.parse,
        Presented.parse_clear,
        Presented.parse_encrypted,
        parse_status,
        lambda each: list(parse_timestamps(each)),
    )
    for parser in parsers:
        with contextlib.suppress(Malformed):
            parser(data)


@given(st.sampled_from(HelloProfile), st.sampled_from(CertificateKind), st.sampled_from((None, "a", "a" * 63 + ".vn")))
def test_hellos_have_a_safe_length(profile: HelloProfile, kind: CertificateKind, server_name: str | None) -> None:
    """A hello states its own length correctly, names the host, and is never 256 to 511 bytes long."""
    offered = hello(profile, kind, server_name)
    message = encode(offered)[5:]
    assert int.from_bytes(message[1:4], "big") == len(message) - 4
    assert profile is HelloProfile.BARE or not 256 <= len(message) <= 511
    assert offered.server_name == (None if profile is HelloProfile.BARE else server_name)
    assert decode(encode(offered))._replace(least_bytes=offered.least_bytes) == offered


def test_hellos_offer_what_an_enumeration_offers() -> None:
    """Every suite that leads to a certificate, every group and every scheme of an enumeration is in a hello, too."""
    hellos = [hello(profile, CertificateKind.USUAL, HOST) for profile in HelloProfile]
    offered = {code for each in hellos for code in each.suites}
    missing = [suites()[code] for code in set(suites()) - offered]
    assert {each.authentication for each in missing} == {"PSK", "SRP", "KRB5", "KEA", "ECCPWD", "NULL"}
    assert not [each for each in missing if each.authentication == "PSK" and each.key_exchange == "RSA"]
    assert {code for each in hellos for code in each.groups} == set(groups())
    assert {code for each in hellos for code in each.signatures} == set(signatures())


@pytest.mark.parametrize("profile", HelloProfile)
@pytest.mark.parametrize("kind", CertificateKind)
def test_hellos_accept_their_kind_of_certificate_only(profile: HelloProfile, kind: CertificateKind) -> None:
    """Suites up to TLS 1.2 and the schemes of TLS 1.3 allow no other certificate, in a list of usual length."""
    offered = hello(profile, kind, HOST)
    older = [suites()[code] for code in offered.suites if code in suites() and suites()[code].key_exchange != "any"]
    assert 0 < len(offered.suites) <= (128 if profile is not HelloProfile.RARE else 256)
    if profile is HelloProfile.ANONYMOUS:
        assert {suite.authentication for suite in older} == {"anon"}
        return
    assert not {suite.code for suite in older} & set(anonymous_suites())
    with_rsa = {suite.authentication in {"RSA", "PSK"} and suite.key_exchange not in {"DH", "ECDH"} for suite in older}
    newest = {signatures()[code].key.startswith("RSA") for code in offered.signatures if code not in _PKCS_1}
    kinds = {CertificateKind.USUAL: {True, False}, CertificateKind.RSA: {True}, CertificateKind.OTHER: {False}}[kind]
    assert with_rsa == kinds
    assert newest in (kinds, set())
    assert bool(offered.signatures) is (profile not in {HelloProfile.TLS_1_0, HelloProfile.BARE})


#: The RSA schemes that sign no handshake of TLS 1.3 (RFC 8446 §4.2.3).
_PKCS_1 = {0x0101, 0x0201, 0x0301, 0x0401, 0x0501, 0x0601}


def test_recorded_handshakes_can_be_parsed_again() -> None:
    """Stored handshakes parse to the same handshakes."""
    kept = Handshakes(server_name=None, made=())
    assert Handshakes.parse(kept.canonical()) == kept
