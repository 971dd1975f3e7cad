"""Stapled OCSP responses of running servers, and their facts."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause
from inspector_tls.certificates.observations import Chain, StapleFlaw, Status
from inspector_tls.certificates.ocsp_staple import IssuerUnknown, timestamps_in, validate
from inspector_tls.certificates.path_validation import NotValidated
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import (
    Identity,
    intermediate,
    issue,
    response,
    root,
    rsa_key,
    timestamp_list,
)
from tests.plugins.inspector_tls.enumeration.responders import message, record
from tests.plugins.inspector_tls.scanning import scan_certificates as scan

HOST = "www.example.vn"
RESPONDER = x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root()


@pytest.fixture(scope="module")
def identity(authority: Identity) -> Identity:
    """A certificate below the root."""
    return issue(HOST, authority, dns=[HOST])


def stapled(folder: Path, identity: Identity, authority: Identity, staple: bytes, *arguments: str) -> Chain:
    """The chain of a server that staples these bytes, and what ``openssl s_client -status`` shows of it."""
    file = folder / "staple.der"
    file.write_bytes(staple)
    with servers.openssl(identity.write(folder, "server"), "-status_file", file, *arguments) as port:
        (chain,) = scan(port, declared=authority.pem).chains
        assert (b"OCSP Response Status: successful" in _s_client(port)) is (chain.staple.value is not None)
    return chain


def _s_client(port: int) -> bytes:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-status", "-servername", HOST]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).stdout


def _broken(data: bytes) -> bytes:
    """The same response with the end of its signature changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


Make = Callable[[Identity, Identity], bytes]
WAYS: dict[str, tuple[Make, Status | None, StapleFlaw | None]] = {
    "good": (response, Status.GOOD, None),
    "revoked": (lambda leaf, ca: response(leaf, ca, status=ocsp.OCSPCertStatus.REVOKED), Status.REVOKED, None),
    "unknown": (lambda leaf, ca: response(leaf, ca, status=ocsp.OCSPCertStatus.UNKNOWN), Status.UNKNOWN, None),
    "delegated": (
        lambda leaf, ca: response(leaf, ca, signer=issue("R", ca, purpose=RESPONDER)),
        Status.GOOD,
        None,
    ),
    "no responder": (
        lambda leaf, ca: response(leaf, ca, signer=issue("R", ca)),
        Status.GOOD,
        StapleFlaw.WRONG_RESPONDER,
    ),
    "another issuer's responder": (
        lambda leaf, ca: response(leaf, ca, signer=issue("R", root("Other"), purpose=RESPONDER)),
        Status.GOOD,
        StapleFlaw.WRONG_RESPONDER,
    ),
    "expired responder": (
        lambda leaf, ca: response(leaf, ca, signer=issue("R", ca, purpose=RESPONDER, days=(-9, -1))),
        Status.GOOD,
        StapleFlaw.WRONG_RESPONDER,
    ),
    "signature of something else": (
        lambda leaf, ca: _broken(response(leaf, ca)),
        Status.GOOD,
        StapleFlaw.BAD_SIGNATURE,
    ),
    "expired": (lambda leaf, ca: response(leaf, ca, days=(-9, -2)), Status.GOOD, StapleFlaw.EXPIRED),
    "of tomorrow": (lambda leaf, ca: response(leaf, ca, days=(1, 6)), Status.GOOD, StapleFlaw.NOT_YET_VALID),
    "about another": (
        lambda leaf, ca: response(leaf, ca, about=issue("other", ca)),
        None,
        StapleFlaw.OTHER_CERTIFICATE,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_stapling(tmp_path: Path, authority: Identity, identity: Identity, way: str) -> None:
    """The status and the flaw of a response are facts, as seen on a running server."""
    make, status, flaw = WAYS[way]
    staple = stapled(tmp_path, identity, authority, make(identity, authority)).staple.value
    assert staple is not None
    assert (staple.status, staple.flaw) == (status, flaw)
    assert (staple.revoked_at is not None) is (status is Status.REVOKED)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_ways_of_delivery(tmp_path: Path, authority: Identity, identity: Identity, version: str) -> None:
    """A response is seen in a message of its own and within the encrypted certificates."""
    chain = stapled(tmp_path, identity, authority, response(identity, authority), version)
    assert chain.staple.value is not None
    assert chain.staple.value.status is Status.GOOD


def test_unknown_issuer(tmp_path: Path, authority: Identity) -> None:
    """A responder of an unknown issuer cannot be validated: the response is unseen, neither good nor bad."""
    between = intermediate(authority)
    leaf = issue(HOST, between, dns=[HOST])
    file = tmp_path / "staple.der"
    file.write_bytes(response(leaf, between))
    with servers.openssl(Identity(leaf.certificate, leaf.key).write(tmp_path, "server"), "-status_file", file) as port:
        (chain,) = scan(port, declared=authority.pem).chains
    assert chain.staple.unseen is Cause.AMBIGUOUS


def test_rsa_responder(authority: Identity) -> None:
    """A response signed with RSA is validated as well."""
    ca = root("RSA root", key=rsa_key())
    leaf = issue(HOST, ca, dns=[HOST])
    staple = validate(response(leaf, ca), leaf.read, [authority.read, ca.read], _now())
    assert (staple.status, staple.flaw) == (Status.GOOD, None)


def test_responder_that_could_not_answer(authority: Identity, identity: Identity) -> None:
    """An error response has the flaw unsuccessful."""
    empty = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)
    assert validate(empty, identity.read, [authority.read], _now()).flaw is StapleFlaw.UNSUCCESSFUL
    assert timestamps_in(empty) == ()


def test_timestamps_outside_the_certificate(tmp_path: Path, authority: Identity, identity: Identity) -> None:
    """Timestamps that the server sends in its hello and in TLS 1.3 are seen, each log once."""
    info = tmp_path / "serverinfo.pem"
    stamps = timestamp_list([b"one", b"two", b"two"])
    extension = _PLACES + b"\x00\x12" + len(stamps).to_bytes(2, "big") + stamps
    info.write_bytes(_pem(extension))
    for version in ("-tls1_2", "-tls1_3"):
        with servers.openssl(identity.write(tmp_path, "server"), "-serverinfo", info, version) as port:
            (chain,) = scan(port).chains
        assert [each.log[:6] for each in chain.timestamps.value] == [b"one".hex(), b"two".hex()]


def test_timestamps_that_were_not_asked_for_are_unseen(identity: Identity) -> None:
    """Where a server accepts only old hellos, which request no timestamps, its timestamps are unseen."""
    der = identity.certificate.public_bytes(Encoding.DER)
    chain = (len(der) + 3).to_bytes(3, "big") + len(der).to_bytes(3, "big") + der
    hello = message(2, b"\x03\x01" + bytes(32) + b"\x00\xc0\x09\x00")
    flight = record(22, hello + message(11, chain) + message(14, b""))

    def old(connection: servers.socket.socket) -> None:
        asks = b"\x00\x12\x00\x00" in connection.recv(65_536)
        connection.sendall(record(21, b"\x02\x46") if asks else flight)

    with servers.answering(old) as port:
        (seen,) = scan(port).chains
    assert seen.staple.value is None
    assert seen.timestamps.unseen is Cause.NOT_SELECTED


#: OpenSSL's number for an extension of hellos, and of certificates in TLS 1.3.
_PLACES = (0x1180).to_bytes(4, "big")


def _pem(extension: bytes) -> bytes:
    import base64

    lines = base64.encodebytes(extension)
    return b"-----BEGIN SERVERINFOV2 FOR TIMESTAMPS-----\n" + lines + b"-----END SERVERINFOV2 FOR TIMESTAMPS-----\n"


_CA = root()
_LEAF = issue(HOST, _CA, dns=[HOST])
_GOOD = response(_LEAF, _CA)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4))
def test_changed_octets(changes: list[tuple[int, int]]) -> None:
    """With any changed octets only the documented exceptions are raised, and no changed response is valid."""
    changed = bytearray(_GOOD)
    for position, octet in changes:
        changed[position % len(_GOOD)] = octet
    timestamps_in(bytes(changed))
    try:
        staple = validate(bytes(changed), _LEAF.read, [_CA.read], _now())
    except (IssuerUnknown, NotValidated):
        return
    assert staple.flaw is not None or _signed_part(bytes(changed)) == _signed_part(_GOOD)


def _signed_part(data: bytes) -> bytes:
    return ocsp.load_der_ocsp_response(data).tbs_response_bytes


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def test_hash_of_the_request_may_be_newer(authority: Identity, identity: Identity) -> None:
    """A response that names its issuer by SHA-256 is about the certificate, too."""
    now = _now().replace(microsecond=0)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=identity.certificate,
        issuer=authority.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now,
        next_update=None,
        revocation_time=None,
        revocation_reason=None,
    )
    data = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, authority.certificate)
    signed = data.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
    staple = validate(signed, identity.read, [authority.read], _now())
    assert (staple.status, staple.flaw, staple.next_update) == (Status.GOOD, None, None)
