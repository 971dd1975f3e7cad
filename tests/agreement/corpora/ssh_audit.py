"""The product and ssh-audit: on the names of algorithms, and on servers of seven kinds.

OpenSSH's client is asked, too: about the algorithms of users' keys and the methods of authentication.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from inspector import Answer, Check, Outcome
from inspector.testing import run_probe
from inspector_ssh.algorithms import CIPHERS, HOST_KEY, KEY_EXCHANGE, MACS, STRICT_KEY_EXCHANGE
from inspector_ssh.checks.dh_strong import dh_strong
from inspector_ssh.checks.host_key_strong import host_key_strong
from inspector_ssh.checks.no_terrapin import no_terrapin
from inspector_ssh.observations import Algorithms, HostKey, OfferedHostKey, Ssh, SshLogin
from inspector_ssh.probes import ssh, ssh_login
from inspector_ssh.transcript import key_type
from tests.agreement.environment import program
from tests.agreement.lab import ssh_python
from tests.plugins.inspector_dns.named import free_port
from tests.plugins.inspector_services.servers import running
from tests.plugins.inspector_ssh.servers import ADDRESS, KEYS_ONLY, MODERN, OLD, OLD_KEYS, dropbear, openssh

Fact = tuple[str, str, object, object]
_PROGRAMS = Path(__file__).with_name("ssh_programs.py")
_STRENGTHS = {"kex": KEY_EXCHANGE, "key": HOST_KEY, "enc": CIPHERS, "mac": MACS}
_TABLES = "import json; from ssh_audit.ssh2_kexdb import SSH2_KexDB; print(json.dumps(SSH2_KexDB.get_db()))"
_MODULUS = "modulus"
#: What has a size that the name does not tell.
_SIZED = re.compile("rsa|group-exchange-sha256")
_TERRAPIN = "vulnerable to the Terrapin attack"
#: A client without keys that trusts any host, and asks for nothing but the methods.
_CLIENT = (
    *(
        "-v",
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ),
    *("-o", "IdentityFile=/dev/null", "-o", "PreferredAuthentications=none", "-l", "nobody-here"),
)


def tables() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """For each algorithm of ssh-audit: its list, its name, the product's word, and the words that agree.

    ssh-audit's *fail* is weak, *warn* and nothing are not. An algorithm of which the product knows nothing makes a
    check inconclusive: that contradicts nothing.
    """
    listed = subprocess.run([ssh_python(), "-c", _TABLES], capture_output=True, check=True, text=True).stdout
    for kind, names in json.loads(listed).items():
        strength = _STRENGTHS[kind]
        for name, notes in names.items():
            fails = len(notes) > 1 and bool(notes[1])
            ours = "weak" if strength.is_weak(name) else "strong" if strength.is_known(name) else "unknown"
            yield kind, name, ours, ("weak" if fails else "strong", "unknown")


def servers() -> Iterator[tuple[str, str, object, object]]:
    """For each server: its name, a fact, what the product finds, and what the other tool finds.

    What the product does not see, or the other tool does not report, is left out.
    """
    for name, start in _servers().items():
        with start() as port:
            ours = run_probe(ssh, f"ssh://{ADDRESS}:{port}", address=ADDRESS).seen(Ssh)
            login = run_probe(ssh_login, f"ssh://{ADDRESS}:{port}", address=ADDRESS).seen(SshLogin)
            theirs, client = _ssh_audit(port), _client(port)
        found = {**_facts(ours), "methods": login.login.value.methods}
        reported = {**_reported(theirs), **client}
        for fact, value in found.items():
            if value is not None and reported.get(fact) is not None:
                yield name, fact, value, reported[fact]


def _servers() -> Mapping[str, Callable[[], AbstractContextManager[int]]]:
    return {
        "openssh": openssh,
        "openssh-modern": partial(openssh, {**MODERN, **KEYS_ONLY}, {"ed25519": 256}),
        "openssh-old": partial(openssh, OLD, OLD_KEYS),
        "dropbear": dropbear,
        "libssh": partial(_program, "libssh"),
        "asyncssh": partial(_program, "asyncssh"),
        "paramiko": partial(_program, "paramiko"),
    }


@contextmanager
def _program(library: str) -> Iterator[int]:
    """A server of a library with three keys; its port."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, bits in {"rsa": "3072", "ecdsa": "256", "ed25519": "256"}.items():
            command = [program("ssh-keygen"), "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(Path(folder) / kind)]
            subprocess.run(command, check=True)
        port = free_port()
        with running([str(ssh_python()), str(_PROGRAMS), library, str(port), folder], ADDRESS, port):
            yield port


def _facts(ours: Ssh) -> dict[str, object]:
    algorithms = ours.algorithms.value
    return {
        "identification": f"SSH-{ours.protocol}-{ours.software} {ours.comments}".strip(),
        "kex": sorted(algorithms.key_exchange),
        "key": sorted(algorithms.host_key),
        "enc": sorted(algorithms.ciphers),
        "mac": sorted(algorithms.macs),
        "fingerprints": sorted({each.key.value.fingerprint for each in ours.host_keys}),
        "rsa-bits": next((each.key.value.bits for each in ours.host_keys if each.type == "ssh-rsa"), None),
        "group-exchange-bits": ours.group_exchange_bits.seen,
        "strict-kex": STRICT_KEY_EXCHANGE in algorithms.key_exchange,
        "terrapin": _is_failed(no_terrapin, ours),
        "server-sig-algs": ours.signature_algorithms.seen,
    }


def _ssh_audit(port: int) -> dict[str, Any]:
    command = [ssh_python(), "-m", "ssh_audit", "-j", "-p", str(port), ADDRESS]
    ran = subprocess.run(command, capture_output=True, check=False, text=True)
    if ran.returncode not in (0, 2, 3):  # 2 and 3: warnings and failures were found
        raise RuntimeError(f"ssh-audit ended with {ran.returncode}: {ran.stderr[-300:]}")
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def _reported(theirs: dict[str, Any]) -> dict[str, object]:
    names = {kind: sorted({each["algorithm"] for each in theirs[kind]} - {""}) for kind in _STRENGTHS}
    exchanged = [each for each in theirs["kex"] if "group-exchange" in each["algorithm"]]
    warnings = [note for each in theirs["enc"] + theirs["mac"] for note in each.get("notes", {}).get("warn", [])]
    return {
        **names,
        "identification": theirs["banner"]["raw"],
        "fingerprints": sorted(
            f"SHA256:{each['hash']}" for each in theirs["fingerprints"] if each["hash_alg"] == "SHA256"
        ),
        "rsa-bits": next((each["keysize"] for each in theirs["key"] if each["algorithm"].startswith("rsa-sha2")), None),
        "group-exchange-bits": min((each["keysize"] for each in exchanged if each.get("keysize")), default=None),
        "strict-kex": STRICT_KEY_EXCHANGE in names["kex"],
        "terrapin": any(_TERRAPIN in note for note in warnings),
    }


def _client(port: int) -> dict[str, object]:
    """What OpenSSH's client logs; nothing where it and the server have no algorithm in common."""
    command = [program("ssh"), *_CLIENT, "-p", str(port), ADDRESS]
    log = subprocess.run(command, capture_output=True, check=False, text=True, stdin=subprocess.DEVNULL).stderr
    named = re.search(r"server-sig-algs=<(.*)>", log)
    methods = re.search(r"Authentications that can continue: (\S+)", log)
    return {
        "server-sig-algs": tuple(named[1].split(",")) if named else None,
        "methods": tuple(methods[1].split(",")) if methods else None,
    }


# --- Expected results of ssh-audit ------------------------------------------------------------------------------------


def expected_results(folder: Path) -> Iterator[tuple[str, str, str, object, object]]:
    """For each result that lists what a server offers: its name, the fact, its subject, the product's and its word.

    A short RSA key or group is a fact of its own; certificates of host keys, which the product does not read, are left
    out of it.
    """
    for path in sorted(folder.glob("*.json")):
        theirs = json.loads(path.read_text("utf-8"))
        if "kex" not in theirs:
            continue
        for kind, strength in _STRENGTHS.items():
            for each in theirs[kind]:
                name, fails = each["algorithm"], _fails(each)
                ours = "weak" if strength.is_weak(name) else "strong" if strength.is_known(name) else "unknown"
                of_algorithm = [note for note in fails if not (_MODULUS in note and _SIZED.search(name))]
                yield path.stem, kind, name, ours, "weak" if of_algorithm else "strong"
        facts = _observation(theirs)
        yield path.stem, "terrapin", "", _is_failed(no_terrapin, facts), _reported(theirs)["terrapin"]
        for check, kind in ((host_key_strong, "key"), (dh_strong, "kex")):
            small = any(
                _MODULUS in note for each in theirs[kind] if "-cert-" not in each["algorithm"] for note in _fails(each)
            )
            yield path.stem, "sizes", kind, _is_failed(check, facts), small


def _fails(algorithm: dict[str, Any]) -> list[str]:
    notes: list[str] = algorithm.get("notes", {}).get("fail", [])
    return notes


def _is_failed(check: Check, facts: Ssh) -> bool:
    return check.evaluate((facts,), {}).outcome is Outcome.FAIL


def _observation(theirs: dict[str, Any]) -> Ssh:
    """What the probe would have seen of a server of which ssh-audit reported this."""
    listed = {kind: tuple(dict.fromkeys(each["algorithm"] for each in theirs[kind])) for kind in _STRENGTHS}
    bits = [each["keysize"] for each in theirs["kex"] if each.get("keysize")]
    keys = {key_type(each["algorithm"]): each.get("keysize") for each in theirs["key"]}
    return Ssh(
        protocol=theirs["banner"]["protocol"],
        software=theirs["banner"]["software"],
        algorithms=Answer(
            seen=Algorithms(
                key_exchange=listed["kex"],
                host_key=listed["key"],
                ciphers_to_server=listed["enc"],
                ciphers_to_client=listed["enc"],
                macs_to_server=listed["mac"],
                macs_to_client=listed["mac"],
                compression_to_server=("none",),
                compression_to_client=("none",),
            )
        ),
        host_keys=tuple(
            OfferedHostKey(
                type=each, algorithm=each, key=Answer(seen=HostKey(type=each, bits=size or 256, fingerprint="SHA256:-"))
            )
            for each, size in keys.items()
            if "-cert-" not in each
        ),
        group_exchange_bits=Answer[int | None](seen=min(bits, default=None)),
        signature_algorithms=Answer[tuple[str, ...] | None](seen=None),
    )


def main() -> int:
    """Print what differs from the results in a folder and is not explained; 1 where something is."""
    from tests.agreement.corpora.comparison import explanations  # it imports this module

    explained = {pair for each in explanations() if each.corpus == "ssh-audit-tables" for pair in each.covers}
    compared = list(expected_results(Path(sys.argv[1])))
    differing = [each for each in compared if each[3] != each[4] and each[3] != "unknown"]
    wrong = [each for each in differing if (each[2], each[1]) not in explained]
    counts = f"{len({each[0] for each in compared})} results, {len(compared)} facts, {len(differing)} differ"
    sys.stdout.writelines(f"{line}\n" for line in (*map(str, wrong), f"{counts}, {len(wrong)} not explained"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
