"""One scan of a server on loopback, through the network gateway."""

from __future__ import annotations

from inspector import Probe
from inspector.testing import ProbeRun, run_probe
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import certificates
from inspector_tls.enumeration.probe import tls
from inspector_tls.observations import Tls
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.resumption.probe import tls_resumption


def scanned(
    port: int,
    *,
    probe: Probe = tls,
    scheme: str = "https",
    host: str = "www.example.vn",
    address: str = "127.0.0.1",
    seconds: int = 10,
    declared: bytes = b"",
    public: bytes = b"",
) -> ProbeRun:
    """The result of one scan of a server under this name."""
    where = f"[{host}]" if ":" in host else host
    return run_probe(
        probe,
        f"{scheme}://{where}:{port}" + ("/" if scheme == "https" else ""),
        address=address,
        declared_roots=declared,
        public_roots=public,
        answer_seconds=seconds,
    )


def scan(port: int, **options: object) -> Tls:
    """The observation of a server's versions; raises the failure of the scan."""
    return scanned(port, **options).seen(Tls)  # type: ignore[arg-type]


def scan_certificates(port: int, **options: object) -> Certificates:
    """The observation of a server's certificates; raises the failure of the scan."""
    return scanned(port, probe=certificates, **options).seen(Certificates)  # type: ignore[arg-type]


def scan_resumption(port: int, **options: object) -> TlsResumption:
    """The observation of a server's session tickets; raises the failure of the scan."""
    return scanned(port, probe=tls_resumption, **options).seen(TlsResumption)  # type: ignore[arg-type]
