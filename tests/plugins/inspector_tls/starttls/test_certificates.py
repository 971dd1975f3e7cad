"""Certificates behind STARTTLS: those of real servers, compared with OpenSSL's client."""

from __future__ import annotations

import hashlib
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import Cause
from inspector.testing import ProbeRun, run_probe
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import MOST_CONNECTIONS, certificates
from inspector_tls.starttls.negotiation import SCHEMES
from tests.agreement.environment import ServerPlaces
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, speaking
from tests.plugins.inspector_tls.starttls.servers import FIELD, serving, staged

HOST = "www.example.vn"
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@pytest.fixture(scope="module")
def stage() -> Iterator[ServerPlaces]:
    """The folder for the files of the servers."""
    with staged() as stage:
        yield stage


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root(key=rsa_key())


@pytest.fixture(scope="module")
def identity(authority: Identity) -> Identity:
    """A certificate below an intermediate, which is sent along."""
    return issue(HOST, intermediate(authority, key=rsa_key()), key=rsa_key(), dns=[HOST])


def scanned(scheme: str, port: int, address: str = "127.0.0.1", *, seconds: int = 10, **options: bytes) -> ProbeRun:
    """The result of one scan, which keeps its bound."""
    scan = run_probe(certificates, f"{scheme}://{HOST}:{port}", address=address, answer_seconds=seconds, **options)
    assert len(scan.ledger) <= certificates.cost(scan.target, {}).connections == MOST_CONNECTIONS
    return scan


class _Client:
    """``openssl s_client`` at one server."""

    def __init__(self, where: str, protocol: str, folder: Path) -> None:
        # Without -quiet it ends with its input, after the handshake.
        name = ("-name", HOST) if protocol in ("smtp", "lmtp", "xmpp", "xmpp-server") else ()
        self._command = ["openssl", "s_client", "-connect", where, "-servername", HOST, "-starttls", protocol, *name]
        self._folder = folder

    def _ask(self, *arguments: str | Path) -> bytes:
        return subprocess.run(
            [*self._command, "-no-CApath", "-no-CAstore", *arguments],
            input=b"",
            capture_output=True,
            check=False,
            timeout=30,
        ).stdout

    def chain(self) -> tuple[str, ...]:
        """The digests of the certificates presented."""
        found = _PEM.findall(self._ask("-showcerts", "-no-CAfile"))
        return tuple(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest() for pem in found)

    def verifies(self, trusted: Identity, host: str) -> bool:
        """Whether the chain is valid to this root, for this host."""
        file = self._folder / "trusted.pem"
        file.write_bytes(trusted.pem)
        output = self._ask("-CAfile", file, "-verify_hostname", host)
        found = re.search(rb"Verify return code: (\d+)", output)
        assert found is not None, output
        return int(found[1]) == 0


@pytest.mark.parametrize("scheme", FIELD)
def test_agrees_with_openssl(scheme: str, stage: ServerPlaces, authority: Identity, identity: Identity) -> None:
    """The same chain is seen as by OpenSSL's client, it chains to the same root and to no other, and names the host."""
    other = root("Other root")
    place = stage.place(scheme)
    with serving(place, scheme, identity) as port:
        seen = scanned(scheme, port, place.address, declared_roots=authority.pem, public_roots=other.pem).seen(
            Certificates
        )
        (chain,) = seen.served
        digests = tuple(each.sha256 for each in chain.certificates)
        trust = (chain.declared_trust.value.chains, chain.public_trust.value.chains, chain.leaf.names("other.vn"))
        protocol = FIELD[scheme][1]
        if protocol:
            client = _Client(f"{place.address}:{port}", protocol, place.folder)
            assert digests == client.chain()
            assert trust == tuple(
                client.verifies(*each) for each in ((authority, HOST), (other, HOST), (authority, "other.vn"))
            )
    assert seen.scheme == scheme
    assert digests == tuple(_digest(each) for each in (identity.certificate, *identity.chain))
    assert trust == (True, False, False)
    assert chain.leaf.names(HOST)
    assert all(answer.is_seen for answer in seen.leaves_by_kind.answers)


def _digest(certificate: object) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()  # type: ignore[attr-defined]  # x509


def test_every_protocol_is_scanned() -> None:
    """Each protocol that has a way to TLS is one of those whose certificates are scanned, and has a server here."""
    names = {scheme.name for scheme in SCHEMES}
    assert names <= {scheme.name for scheme in certificates.schemes}
    assert set(FIELD) | {"submission"} == names  # which is smtp at another port


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_responders(scheme: str, identity: Identity, tmp_path: Path) -> None:
    """The certificate is seen behind every line-based protocol, with no more connections than by direct TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path, "server"))
    with servers.answering(speaking(SCRIPTS[scheme], context)) as port:
        scan = scanned(scheme, port)
    with servers.answering(servers.python_tls(context)) as port:
        plain = scanned("tls", port)
    assert scan.seen(Certificates).leaves == plain.seen(Certificates).leaves
    assert len(scan.ledger) <= len(plain.ledger)


def _says(*lines: bytes) -> servers.Answer:
    def answer(connection: servers.socket.socket) -> None:
        for line in lines:
            connection.sendall(line)
            connection.recv(4096)

    return answer


@pytest.mark.parametrize(
    ("answer", "cause", "words", "connections"),
    [
        (_says(b"220 x\r\n", b"250 x\r\n"), Cause.PROTOCOL_ERROR, "250 x", 1),
        (_says(b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"554 no\r\n"), Cause.PROTOCOL_ERROR, "554 no", 1),
        (_says(b"220 x\r\n", b"451 later\r\n"), Cause.REFUSED, "451 later", 1),
        (_says(b"554 go away\r\n"), Cause.REFUSED, "554 go away", 1),
        (_says(b"421 full\r\n"), Cause.RATE_LIMITED, "421 full", 1),
        (_says(b"SSH-2.0-x\r\n"), Cause.PROTOCOL_ERROR, "SSH-2.0", 1),
        (
            _says(b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n", b"500 what\r\n"),
            Cause.PROTOCOL_ERROR,
            "500 what",
            1,
        ),
    ],
)
def test_no_tls_is_a_failure(answer: servers.Answer, cause: Cause, words: str, connections: int) -> None:
    """A server that does not begin TLS gives no observation but its reply, and no further connection."""
    with servers.answering(answer) as port:
        scan = scanned("smtp", port, seconds=1 if cause is Cause.TIMEOUT else 10)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause
    assert words in scan.failure.detail
    assert len(scan.ledger) == connections
