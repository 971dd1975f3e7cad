"""The servers of the benchmarks: one nginx on many loopback addresses, in a modern or a weak configuration."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HOST = "www.example.vn"
HTTPS = 443
_MODERN = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
#: ``modern``: TLS 1.2 and 1.3 with six and three suites, self-signed certificates for another name. ``conforming``: the
#: same with certificates of an authority for the right names. ``weak``: TLS 1.0 to 1.2 with all suites of OpenSSL.
CONFIGURATIONS = {
    "modern": _MODERN,
    "conforming": _MODERN,
    "weak": "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:eNULL:aNULL:@SECLEVEL=0;",
}
_KEYS: dict[str, tuple[str, ...]] = {"rsa": ("rsa:2048",), "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")}


def addresses(count: int) -> tuple[str, ...]:
    """The first ``count`` of the loopback addresses in use."""
    return tuple(f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count))


@contextlib.contextmanager
def serving(kind: str, count: int, folder: Path) -> Iterator[int]:
    """One nginx process that listens on ``count`` addresses, with an RSA and an ECDSA certificate; its port."""
    port = _free_port()
    if kind == "conforming":
        certificates = " ".join(_issued(name, count, folder) for name in _KEYS)
    else:
        certificates = " ".join(_certificate(name, folder) for name in _KEYS)
    listens = " ".join(f"listen {address}:{port} ssl backlog=1024;" for address in addresses(count))
    parameters = folder / "dh.pem"
    if not parameters.exists():
        subprocess.run(["openssl", "dhparam", "-dsaparam", "-out", parameters, "1024"], check=True, capture_output=True)
    extra = f"ssl_dhparam {parameters};" if kind == "weak" else ""
    temporary = " ".join(f"{each}_temp_path {folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    configuration = folder / f"{kind}.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/{kind}.pid; error_log /dev/null crit;\n"
        "worker_rlimit_nofile 20000; events { worker_connections 10000; }\n"
        f"http {{ access_log off; {temporary} server {{ {listens} server_name _; {certificates} {extra}"
        f" {CONFIGURATIONS[kind]} location / {{ return 200; }} }} }}\n"
    )
    process = subprocess.Popen(
        ["nginx", "-c", configuration, "-e", "/dev/null", "-p", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_listener(addresses(count)[-1], port)
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving_everywhere(folder: Path) -> Iterator[None]:
    """One nginx process, in a modern configuration, at the port of HTTPS of every address of this machine."""
    certificates = " ".join(_certificate(name, folder) for name in _KEYS)
    temporary = " ".join(f"{each}_temp_path {folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    configuration = folder / "everywhere.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/everywhere.pid; error_log /dev/null crit;\n"
        "worker_rlimit_nofile 20000; events { worker_connections 10000; }\n"
        f"http {{ access_log off; {temporary} server {{ listen {HTTPS} ssl backlog=4096; server_name _; {certificates}"
        f" {_MODERN} location / {{ return 200; }} }} }}\n"
    )
    process = subprocess.Popen(
        ["nginx", "-c", configuration, "-e", "/dev/null", "-p", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_listener("127.0.0.1", HTTPS)
        yield
    finally:
        process.kill()
        process.wait()


def _certificate(name: str, folder: Path) -> str:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    if not certificate.exists():
        command: Sequence[str | Path] = (
            *("openssl", "req", "-x509", "-nodes", "-days", "90", "-subj", f"/CN={HOST}"),
            *("-addext", f"subjectAltName=DNS:{HOST}", "-newkey", *_KEYS[name]),
            *("-keyout", key, "-out", certificate),
        )
        subprocess.run(command, check=True, capture_output=True)
    return f"ssl_certificate {certificate}; ssl_certificate_key {key};"


def _issued(name: str, count: int, folder: Path) -> str:
    """A certificate for ``count`` addresses, issued by an authority whose root is ``authority.pem``."""
    root, root_key = folder / "authority.pem", folder / "authority.key"
    if not root.exists():
        subject = ("-subj", "/O=Benchmark/CN=Root of the benchmark")
        new: tuple[str | Path, ...] = ("-newkey", *_KEYS["ec"], "-keyout", root_key, "-out", root)
        _openssl("req", "-x509", "-nodes", "-days", "3650", *subject, *new)
    key, request, certificate, extensions = (folder / f"issued-{name}.{kind}" for kind in ("key", "csr", "pem", "ext"))
    named = ",".join((f"DNS:{HOST}", *(f"IP:{address}" for address in addresses(count))))
    extensions.write_text(
        f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        f"subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName={named}\n"
        f"1.3.6.1.4.1.11129.2.4.2=DER:{_timestamps().hex(':')}\n"
    )
    subject = ("-subj", f"/O=Benchmark/CN={HOST}")
    _openssl("req", "-new", "-nodes", *subject, "-newkey", *_KEYS[name], "-keyout", key, "-out", request)
    signed = ("-CA", root, "-CAkey", root_key, "-CAcreateserial", "-extfile", extensions)
    _openssl("x509", "-req", "-in", request, "-days", "90", *signed, "-out", certificate)
    return f"ssl_certificate {certificate}; ssl_certificate_key {key};"


def _timestamps() -> bytes:
    """A list of timestamps of three logs (RFC 6962 §3.3) as an OCTET STRING; their signatures are not valid."""
    at = int(time.time() * 1000).to_bytes(8, "big")
    each = [bytes([0]) + bytes([log]) * 32 + at + b"\x00\x00\x04\x03\x00\x08" + bytes(8) for log in (1, 2, 3)]
    listed = b"".join(len(one).to_bytes(2, "big") + one for one in each)
    listed = len(listed).to_bytes(2, "big") + listed
    return b"\x04\x81" + bytes([len(listed)]) + listed


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(("openssl", *arguments), check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listener(address: str, port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("nginx does not listen")
