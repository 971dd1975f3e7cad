"""Whether clients that trust given roots accept the certificate of a target, as OpenSSL verifies it in a handshake."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial

from inspector.model.base import Cause
from inspector.model.certificate_flaw import CertificateFlaw
from inspector.model.errors import ScanFailure
from inspector.network.protocols.tls_client import TlsClient, TlsConnector, tolerant_client
from inspector.network.session import CertificateTrial, ProbeSession
from inspector.network.transport.stream import Stream
from inspector.network.transport.tls_context import http_context

#: Bytes that a server may send in one handshake.
_HANDSHAKE_BYTES = 256 * 1024
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


#: OpenSSL's X509_V_ERR_*; any other error is ``invalid``.
_FLAWS = {
    2: CertificateFlaw.UNKNOWN_ISSUER,  # unable to get the issuer's certificate
    9: CertificateFlaw.NOT_YET_VALID,
    10: CertificateFlaw.EXPIRED,
    18: CertificateFlaw.UNKNOWN_ISSUER,  # self-signed
    19: CertificateFlaw.UNKNOWN_ISSUER,  # self-signed in the chain
    20: CertificateFlaw.UNKNOWN_ISSUER,  # unable to get the issuer's certificate locally
    21: CertificateFlaw.UNKNOWN_ISSUER,  # unable to verify the only certificate
    62: CertificateFlaw.OTHER_NAME,
    64: CertificateFlaw.OTHER_NAME,  # another address
}


async def verify(session: ProbeSession, port: int, *, timeout: float) -> CertificateFlaw | None:
    """``Network.verify_certificate``. Raises ScanFailure."""
    connect = partial(_handshake, TlsConnector(session), session.target.host, port, timeout)
    trial = session.trials.get(port) or await connect(verifying_client(session.roots))
    if trial.flaw is not CertificateFlaw.UNKNOWN_ISSUER:
        return trial.flaw
    # OpenSSL looks at names and dates only once the path is complete: here, of the certificate alone.
    leaf = trial.leaf or (await connect(tolerant_client())).leaf
    alone = await connect(TlsClient(partial(_context, ssl.DER_cert_to_PEM_cert(leaf).encode())))
    return alone.flaw or trial.flaw


async def _handshake(
    connector: TlsConnector, host: str, port: int, timeout: float, client: TlsClient
) -> CertificateTrial:
    """The certificate, or why it was rejected. Raises ScanFailure for any other end."""
    try:
        stream = await connector.open(port, client, host, timeout=timeout, allowance=_HANDSHAKE_BYTES)
    except ScanFailure as failure:
        flaw = rejection(failure)
        if flaw is None:
            raise
        return CertificateTrial(flaw)
    try:
        leaf = leaf_of(stream)
        if not leaf:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "the server presents no certificate")
    finally:
        await stream.close()
    return CertificateTrial(None, leaf)


def leaf_of(stream: Stream) -> bytes:
    """The certificate in DER that a server presented; empty where it presented none."""
    return (stream.ssl_object.getpeercert(binary_form=True) if stream.ssl_object else None) or b""


def rejection(error: BaseException) -> CertificateFlaw | None:
    """Why a handshake that failed rejected the certificate; None where it failed for another reason."""
    reason = error.__cause__
    if not isinstance(error, ScanFailure) or not isinstance(reason, ssl.SSLCertVerificationError):
        return None
    return _FLAWS.get(reason.verify_code, CertificateFlaw.INVALID)


@lru_cache(maxsize=4)
def verifying_client(roots: bytes) -> TlsClient:
    """The shared client for these roots (PEM), whose loading takes longer than a handshake."""
    return TlsClient(partial(_context, roots))


def _context(roots: bytes) -> ssl.SSLContext:
    """A context that verifies path, dates and name with these roots in PEM, and accepts any version and suite."""
    context = http_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for pem in _certificates(roots):
        with suppress(ssl.SSLError):  # one that OpenSSL cannot read is no root here
            context.load_verify_locations(cadata=pem)
    return context


def _certificates(roots: bytes) -> Sequence[str]:
    return [found.group().decode("ascii", "replace") for found in _PEM.finditer(roots)]
