"""Record the observations in ``recorded/`` from running servers: ``python -m tests.plugins.inspector_tls.record``.

Files whose names begin with ``handmade-`` are not written here: nobody's server said what stands in them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from inspector_tls.observations import Tls
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, forgeable, intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.looking import look

RECORDED = Path(__file__).parent / "recorded"
HOST = "www.example.vn"
OLD = ("-cipher", "ALL:@SECLEVEL=0")


def write(name: str, tls: Tls) -> None:
    """Write one observation, readable."""
    text = json.dumps(tls.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
    (RECORDED / f"{name}.json").write_text(text + "\n")


class _Recorder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = root()
        self.between = intermediate(self.root)
        self.good = issue(HOST, self.between, dns=[HOST])

    def serve(self, identity: Identity, *arguments: str) -> AbstractContextManager[int]:
        """An OpenSSL server with this identity."""
        return servers.openssl(identity.write(self.folder, "server"), *arguments)

    def record(self, name: str, port: int, **options: str) -> None:
        """Look at the server and write down what was seen; the test's root is declared and public."""
        write(name, look(port, seconds=1, declared=self.root.pem, public=self.root.pem, **options))  # type: ignore[arg-type]

    def versions(self) -> None:
        """Servers that differ in versions."""
        for name, arguments in {
            "modern": (),
            "from-tls-1-0": OLD,
            "only-tls-1-2": ("-tls1_2",),
            "only-tls-1-3": ("-tls1_3",),
            "anonymous": ("-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"),
        }.items():
            with self.serve(self.good, *arguments) as port:
                self.record(name, port)
        modern = servers.speaking_tls(self.good.write(self.folder, "server"))
        for name, version, treatment in (
            ("silent-about-ssl-2", 0x0002, servers.silent),
            ("reset-about-tls-1-1", 0x0302, servers.resetting),
            ("silent-about-tls-1-3", 0x0304, servers.silent),
        ):
            with servers.answering(servers.choosy(modern, version, treatment)) as port:
                self.record(name, port)

    def certificates(self) -> None:
        """Servers that differ in certificates."""
        old = intermediate(self.root, "Old intermediate", key=rsa_key())
        other = root("Other root")
        for name, identity in {
            "expired": issue(HOST, self.between, dns=[HOST], days=(-30, -2)),
            "not-yet-valid": issue(HOST, self.between, dns=[HOST], days=(2, 30)),
            "wrong-name": issue("other.example.vn", self.between, dns=["other.example.vn", "example.vn"]),
            "common-name-only": issue(HOST, self.between),
            "wildcard": issue("*.example.vn", self.between, dns=["*.example.vn"]),
            "self-signed": issue(HOST, dns=[HOST]),
            "missing-intermediate": Identity(self.good.certificate, self.good.key),
            "unknown-root": issue(HOST, intermediate(other), dns=[HOST]),
            "rsa-1024": issue(HOST, old, key=rsa_key(1024), dns=[HOST]),
            "rsa-2048": issue(HOST, old, key=rsa_key(), dns=[HOST]),
            "sha-1": forgeable(issue(HOST, old, key=rsa_key(), dns=[HOST]), old, hashes.SHA1()),
            "md5": forgeable(issue(HOST, old, key=rsa_key(), dns=[HOST]), old, hashes.MD5()),
        }.items():
            with self.serve(identity, *OLD, "-no_tls1", "-no_tls1_1") as port:
                self.record(name, port)
        by_address = issue("server", self.between, ip=["127.0.0.1"])
        with self.serve(by_address) as port:
            self.record("address", port, host="127.0.0.1")
        with self.serve(self.good) as port:
            write("no-declared-roots", look(port, seconds=1, public=self.root.pem))

    def both_sorts(self) -> None:
        """A server with an RSA certificate and an ECDSA one."""
        rsa = issue(HOST, self.between, key=rsa_key(), dns=[HOST])
        files = (rsa.write(self.folder, "rsa"), self.good.write(self.folder, "ec"))
        directives = "".join(f"ssl_certificate {each[0]}; ssl_certificate_key {each[1]};" for each in files)
        with servers.nginx(self.folder, f"{directives} ssl_protocols TLSv1.2 TLSv1.3;") as port:
            self.record("both-sorts", port)


def recordings() -> Iterator[Path]:
    """The files that were recorded."""
    yield from (each for each in sorted(RECORDED.glob("*.json")) if not each.name.startswith("handmade-"))


if __name__ == "__main__":
    for stale in recordings():
        stale.unlink()
    with tempfile.TemporaryDirectory() as folder:
        recorder = _Recorder(Path(folder))
        recorder.versions()
        recorder.certificates()
        recorder.both_sorts()
