"""The protocol versions of real servers."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from pathlib import Path

import pytest

from inspector import Cause, ScanFailure
from inspector_tls.observations import TlsVersion
from tests.agreement.environment import needs_programs
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.scanning import scan

V = TlsVersion
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A self-signed certificate with an RSA key, which every version can use."""
    identity = issue("www.example.vn", key=rsa_key(), dns=["www.example.vn"])
    return identity.write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def modern(files: Files) -> servers.Answer:
    """How a server of TLS 1.2 and 1.3 answers."""
    return servers.speaking_tls(files)


def test_modern_server(files: Files) -> None:
    """A modern server accepts TLS 1.2 and 1.3 and refuses the rest by an alert."""
    with servers.openssl(files) as port:
        offers = scan(port).versions.all
    assert offers.accepted == (V.TLS_1_2, V.TLS_1_3)
    assert offers.refused == (V.SSL_2, V.SSL_3, V.TLS_1_0, V.TLS_1_1)


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (("-cipher", "ALL:eNULL:@SECLEVEL=0"), (V.TLS_1_0, V.TLS_1_1, V.TLS_1_2, V.TLS_1_3)),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), (V.TLS_1_0,)),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), (V.TLS_1_1,)),
        (("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"), (V.TLS_1_2,)),
        (("-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"), (V.TLS_1_2,)),
        (("-tls1_3",), (V.TLS_1_3,)),
        (("-Verify", "1"), (V.TLS_1_2, V.TLS_1_3)),
        (("-groups", "P-521"), (V.TLS_1_2, V.TLS_1_3)),
    ],
)
def test_openssl_configurations(files: Files, arguments: tuple[str, ...], accepted: tuple[V, ...]) -> None:
    """Whatever a server is limited to, exactly that is accepted and all else is refused."""
    with servers.openssl(files, *arguments) as port:
        offers = scan(port).versions.all
    assert (offers.accepted, offers.unseen) == (accepted, ())


@pytest.mark.parametrize(
    ("protocols", "accepted"),
    [
        ("TLSv1.2 TLSv1.3", (V.TLS_1_2, V.TLS_1_3)),
        ("TLSv1 TLSv1.1 TLSv1.2", (V.TLS_1_0, V.TLS_1_1, V.TLS_1_2)),
    ],
)
def test_nginx(files: Files, tmp_path: Path, protocols: str, accepted: tuple[V, ...]) -> None:
    """nginx is seen as it is configured."""
    certificate, key = files
    directives = (
        f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {protocols};"
        " ssl_ciphers ALL:@SECLEVEL=0;"
    )
    with servers.nginx(tmp_path, directives) as port:
        offers = scan(port).versions.all
    assert (offers.accepted, offers.unseen) == (accepted, ())


@pytest.mark.parametrize("newest", [(3, 0), (3, 1)])
def test_tlslite_with_ssl_3(files: Files, newest: tuple[int, int]) -> None:
    """SSL 3.0 is seen where a server still accepts it, with RC4 and 3DES only."""
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    from tlslite.errors import TLSError

    certificate, key = files
    chain = X509CertChain()
    chain.parsePemList(certificate.read_text())
    private = parsePEMKey(key.read_text(), private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 0), newest
    settings.cipherNames = ["rc4", "3des"]

    def answer(connection: object) -> None:
        with contextlib.suppress(TLSError):
            TLSConnection(connection).handshakeServer(certChain=chain, privateKey=private, settings=settings)

    with servers.answering(answer) as port:
        versions = scan(port).versions
    assert versions.ssl_3.accepted.value
    assert versions.tls_1_0.accepted.value is (newest == (3, 1))
    assert not versions.tls_1_2.accepted.value


def test_ssl_2_hello_from_the_specification(modern: servers.Answer) -> None:
    """A SERVER-HELLO of SSL 2.0 accepts it, whatever follows."""
    hello = b"\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x10\x01\x00\x80" + bytes(16)

    def answer(connection: servers.socket.socket) -> None:
        connection.recv(4096)
        connection.sendall((0x8000 | len(hello)).to_bytes(2, "big") + hello)

    with servers.answering(servers.by_version(modern, 0x0002, answer)) as port:
        assert scan(port).versions.ssl_2.accepted.value


@pytest.mark.parametrize(
    ("version", "field", "answer", "cause"),
    [
        (0x0002, "ssl_2", servers.silent, Cause.TIMEOUT),
        (0x0301, "tls_1_0", servers.silent, Cause.TIMEOUT),
        (0x0002, "ssl_2", servers.resetting, Cause.RESET),
        (0x0300, "ssl_3", servers.resetting, Cause.RESET),
        (0x0302, "tls_1_1", servers.resetting, Cause.RESET),
        (0x0304, "tls_1_3", servers.resetting, Cause.RESET),
        (0x0300, "ssl_3", servers.not_tls, Cause.PROTOCOL_ERROR),
        (0x0302, "tls_1_1", servers.not_tls, Cause.PROTOCOL_ERROR),
    ],
)
def test_a_failure_with_one_version_is_unseen(
    modern: servers.Answer, version: int, field: str, answer: servers.Answer, cause: Cause
) -> None:
    """A timeout, a reset or other bytes in answer to one version leaves that version unseen, and the others seen."""
    with servers.answering(servers.by_version(modern, version, answer)) as port:
        offers = scan(port, seconds=3 if cause is Cause.TIMEOUT else 10).versions.all
    assert offers.unseen == (V[field.upper()],)
    assert offers.causes == (cause,)


def test_a_single_timeout_is_asked_again(modern: servers.Answer) -> None:
    """A version whose first hello times out is asked again, and that answer counts."""
    calls: list[int] = []

    def first_silent(connection: servers.socket.socket) -> None:
        if calls.count(0x0300) == 1:
            servers.silent(connection)
        else:
            modern(connection)

    with servers.answering(servers.by_version(modern, 0x0300, first_silent, calls)) as port:
        assert scan(port, seconds=1).versions.ssl_3.accepted.value is False
    assert calls.count(0x0300) > 1


def test_a_silent_close_counts_as_refusal_only_when_repeated(modern: servers.Answer) -> None:
    """A connection closed without an answer is a refusal when it happens twice, not when it happens once."""

    def close(connection: servers.socket.socket) -> None:
        connection.recv(4096)

    with servers.answering(servers.by_version(modern, 0x0300, close)) as port:
        assert scan(port, seconds=1).versions.ssl_3.accepted.value is False

    calls: list[int] = []

    def close_then_silence(connection: servers.socket.socket) -> None:
        (close if calls.count(0x0300) == 1 else servers.silent)(connection)

    with servers.answering(servers.by_version(modern, 0x0300, close_then_silence, calls)) as port:
        assert scan(port, seconds=1).versions.ssl_3.accepted.unseen is Cause.TIMEOUT


@pytest.mark.parametrize(
    ("answer", "cause", "message"),
    [
        (servers.clear_http, Cause.PROTOCOL_ERROR, "HTTP/1.1 400"),
        (servers.not_tls, Cause.PROTOCOL_ERROR, "answers a TLS hello with"),
        (servers.silent, Cause.TIMEOUT, "sent nothing"),
        (servers.resetting, Cause.RESET, "reset"),
    ],
)
def test_no_tls_at_all(answer: servers.Answer, cause: Cause, message: str) -> None:
    """A port without TLS is a failure that names what was seen, never a server without old versions."""
    with servers.answering(answer) as port, pytest.raises(ScanFailure, match=message) as failure:
        scan(port, seconds=1)
    assert failure.value.cause is cause


def test_refused_port() -> None:
    """A closed port is refused."""
    with pytest.raises(ScanFailure) as failure:
        scan(servers.free_port())
    assert failure.value.cause is Cause.REFUSED


def test_every_version_refused_is_no_answer(files: Files) -> None:
    """A server that refuses every hello shows nothing about old versions: a failure, not a pass."""

    def alert(connection: servers.socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")

    with servers.answering(alert) as port, pytest.raises(ScanFailure) as failure:
        scan(port)
    assert failure.value.cause is Cause.PROTOCOL_ERROR


def test_strict_server_name(files: Files) -> None:
    """The host's name is sent as server name, an address literal is not: a strict server answers both."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    asked: list[str | None] = []

    def strict(_socket: object, name: str | None, _context: object) -> int | None:
        asked.append(name)
        return None if name in ("www.example.vn", None) else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = strict
    with servers.answering(servers.python_tls(context)) as port:
        assert scan(port).versions.all.accepted == (V.TLS_1_2, V.TLS_1_3)
        assert scan(port, host="127.0.0.1").versions.all.accepted == (V.TLS_1_2, V.TLS_1_3)
        assert set(asked) == {"www.example.vn", None}
        with pytest.raises(ScanFailure, match="112"):
            scan(port, host="other.example.vn")


def test_versions_agree_with_openssl_and_sslscan(files: Files) -> None:
    """On one server with old versions the probe, openssl s_client and sslscan see the same versions."""
    with servers.openssl(files, "-cipher", "ALL:@SECLEVEL=0", "-no_tls1_1") as port:
        seen = scan(port).versions.all.accepted
        flags = {V.TLS_1_0: "-tls1", V.TLS_1_1: "-tls1_1", V.TLS_1_2: "-tls1_2", V.TLS_1_3: "-tls1_3"}
        accepted = tuple(version for version, flag in flags.items() if _s_client(port, flag))
        scanned = _sslscan(port)
    assert seen == accepted == scanned == (V.TLS_1_0, V.TLS_1_2, V.TLS_1_3)


def _s_client(port: int, flag: str) -> bool:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", flag, "-cipher", "ALL:@SECLEVEL=0"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    return done.returncode == 0


def _sslscan(port: int) -> tuple[V, ...]:
    needs_programs("sslscan")
    command = ["sslscan", "--no-colour", "--no-ciphersuites", "--no-heartbleed", "--no-groups", f"127.0.0.1:{port}"]
    out = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True).stdout
    names = {"SSLv2": V.SSL_2, "SSLv3": V.SSL_3, **{each.value: each for each in V}}
    words = [line.split() for line in out.splitlines()]
    return tuple(names[each[0]] for each in words if len(each) == 2 and each[0] in names and each[1] == "enabled")
