"""The product and ssh-audit: on the names of algorithms, and on servers of seven kinds.

OpenSSH's client is asked, too: about the algorithms of users' keys and the methods of authentication.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from inspector import Check, Outcome
from inspector.testing import run_probe
from inspector_ssh.algorithms import CIPHERS, HOST_KEY, KEY_EXCHANGE, MACS, STRICT_KEY_EXCHANGE
from inspector_ssh.checks.dh_strong import dh_strong
from inspector_ssh.checks.host_key_strong import host_key_strong
from inspector_ssh.checks.no_terrapin import no_terrapin
from inspector_ssh.observations import OfferedHostKey, Ssh, SshLogin
from inspector_ssh.probes import ssh, ssh_login
from inspector_ssh.transcript import key_type
from inspector_ssh.wire import mpint, parse_host_key, string
from tests.agreement.environment import program
from tests.agreement.lab import ssh_python
from tests.plugins.inspector_dns.named import free_port
from tests.plugins.inspector_services.servers import running
from tests.plugins.inspector_ssh.scripts import ED25519_KEY, Server, rsa_key
from tests.plugins.inspector_ssh.servers import ADDRESS, KEYS_ONLY, MODERN, OLD, OLD_KEYS, dropbear, openssh, served

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


def expected_results(checkout: Path) -> Iterator[tuple[str, str, str, object, object]]:
    """For each expected result in a checkout of ssh-audit: its name, the fact, its subject, the product's and its word.

    A local server replays what the result's server sent, as far as it is recorded: its identification, its lists, its
    keys, and the size of its group. A short RSA key or group is a fact of its own; certificates of host keys, which the
    product does not read, are left out of it. A result of a policy lists what its server has of the wrong kind: that is
    compared, and of a policy that is met, all that it demands.
    """
    folder = checkout / "test" / "docker"
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in (folder / "expected_results").glob("*.json")}
    whole = {name: theirs for name, theirs in results.items() if "kex" in theirs}
    seen: dict[str, Ssh] = {}
    for name, theirs in sorted(whole.items()):
        seen[name] = _replayed(_replay_of(theirs, folder))
        yield from _compared(name, theirs, seen[name])
    for name in sorted(results.keys() - whole.keys()):
        found = _policy_server(name, checkout, whole)
        ours = seen[found] if isinstance(found, str) else _replayed(found)
        yield from _compared_by_policy(name, results[name], ours, folder)


def _replayed(server: Server) -> Ssh:
    with served(server) as port:
        return run_probe(ssh, f"ssh://{ADDRESS}:{port}", address=ADDRESS).seen(Ssh)


def _replay_of(theirs: dict[str, Any], folder: Path) -> Server:
    """The server of a result that lists what it offers."""
    listed = {kind: tuple(dict.fromkeys(each["algorithm"] for each in theirs[kind])) for kind in _STRENGTHS}
    groups = [each["keysize"] for each in theirs["kex"] if each.get("keysize")]
    sizes = {key_type(each["algorithm"]): each.get("keysize") for each in theirs["key"]}
    fingerprints = {f"SHA256:{each['hash']}" for each in theirs["fingerprints"] if each["hash_alg"] == "SHA256"}
    return Server(
        identification=(theirs["banner"]["raw"] or _UNNAMED).encode() + b"\r\n",
        kex=listed["kex"],
        keys={name: _key(key_type(name), sizes.get(key_type(name)), fingerprints, folder) for name in listed["key"]},
        ciphers=listed["enc"],
        macs=listed["mac"],
        compression=tuple(theirs["compression"]),
        group_bits=min(groups, default=2048),
    )


def _key(type_: str, bits: int | None, fingerprints: set[str], folder: Path) -> bytes:
    """The recorded key of this type and fingerprint; where only its size is known, one of that."""
    for path in sorted(folder.glob("ssh_host_*_key*.pub")):
        name, encoded, *_ = path.read_text("ascii").split()
        if name == type_ and parse_host_key(base64.b64decode(encoded)).fingerprint in fingerprints:
            return base64.b64decode(encoded)
    if type_ == "ssh-rsa":
        return rsa_key(bits or 2048)
    if type_ == "ssh-dss":
        return string(b"ssh-dss") + mpint(1 << 1023 | 1)
    if type_.startswith("ecdsa-sha2-"):
        return string(type_.encode()) + string(type_.rpartition("-")[2].encode()) + string(b"")
    return ED25519_KEY if type_ == "ssh-ed25519" else string(type_.encode())


def _compared(name: str, theirs: dict[str, Any], ours: Ssh) -> Iterator[tuple[str, str, str, object, object]]:
    """What is compared with a result that lists what a server offers."""
    for kind, strength in _STRENGTHS.items():
        for each in theirs[kind]:
            algorithm, fails = each["algorithm"], _fails(each)
            word = "weak" if strength.is_weak(algorithm) else "strong" if strength.is_known(algorithm) else "unknown"
            of_algorithm = [note for note in fails if not (_MODULUS in note and _SIZED.search(algorithm))]
            yield name, kind, algorithm, word, "weak" if of_algorithm else "strong"
    reported = _reported(theirs)
    recorded = {key.key.value.fingerprint for key in ours.host_keys} & {*map(str, _fingerprints(theirs))}
    for fact, value in _facts(ours).items():
        if fact == "fingerprints":
            # Of keys in the files of other programs only the size is replayed.
            yield name, fact, "", bool(recorded) or "OpenSSH" not in ours.software, True
        elif reported.get(fact) not in (None, ""):
            yield name, fact, "", value, reported[fact]
    for check, kind in ((host_key_strong, "key"), (dh_strong, "kex")):
        small = any(
            _MODULUS in note for each in theirs[kind] if "-cert-" not in each["algorithm"] for note in _fails(each)
        )
        yield name, "sizes", kind, _is_failed(check, ours), small


def _fingerprints(theirs: dict[str, Any]) -> list[str]:
    return [f"SHA256:{each['hash']}" for each in theirs["fingerprints"] if each["hash_alg"] == "SHA256"]


# --- Results of policies ----------------------------------------------------------------------------------------------

#: In docker_test.sh: the server of a policy of one's own, as the number of its configuration, and the number of a test.
_CUSTOM = re.compile(r'run_custom_policy_test "(config\d)" "(test\d+)"')
_CONFIGURATIONS = {"config1": "openssh_5.6p1_test1", "config2": "openssh_8.0p1_test1", "config3": "openssh_5.6p1_test4"}
_BUILT_IN = re.compile(r'run_builtin_policy_test "[^"]*" "8\.0p1" "(test\d+)" "([^"]*)"')
_OPTION = re.compile(r"-o (\w+)=(\S+)")
#: Fields of a policy, and of its errors, by what the probe saw.
_FIELDS = {
    "host keys": "host_key",
    "key exchanges": "key_exchange",
    "ciphers": "ciphers_to_client",
    "macs": "macs_to_client",
    "compressions": "compression_to_client",
}
_SIZE_OF_KEY = re.compile(r"Host key \((.+)\) sizes")
_SIZE_OF_GROUP = re.compile(r"Group exchange \((.+)\) modulus sizes")
NOT_READ = "not read"
_OF_CERTIFICATES = re.compile("-cert-v|CA signature|cakey_size")
#: The identification of a server of which the result holds none.
_UNNAMED = "SSH-2.0-unknown"


def _policy_server(name: str, checkout: Path, whole: dict[str, Any]) -> str | Server:
    """The result that lists what a policy's server offers, or that server where options changed it."""
    script = (checkout / "docker_test.sh").read_text("utf-8")
    test = name.rpartition("_")[2]
    if "_custom_policy_" in name:
        return _CONFIGURATIONS[next(config for config, number in _CUSTOM.findall(script) if number == test)]
    options = dict(_OPTION.findall(next(words for number, words in _BUILT_IN.findall(script) if number == test)))
    plain = _replay_of(whole["openssh_8.0p1_test1"], checkout / "test" / "docker")
    lists = {option: tuple(value.split(",")) for option, value in options.items()}
    return replace(
        plain,
        keys={each: plain.keys[each] for each in lists["HostKeyAlgorithms"]},
        kex=lists["KexAlgorithms"],
        ciphers=lists["Ciphers"],
        macs=lists.get("MACs", plain.macs),
    )


def _compared_by_policy(
    name: str, theirs: dict[str, Any], ours: Ssh, folder: Path
) -> Iterator[tuple[str, str, str, object, object]]:
    for error in theirs["errors"]:
        field = error["mismatched_field"]
        yield name, "policy", field, _of_field(field, ours), tuple(error["actual"])
    if theirs["passed"]:
        policy = folder / "policies" / f"policy_{name.rpartition('_')[2]}.txt"
        for field, found, demanded in _demands(policy.read_text("utf-8"), ours):
            yield name, "policy", field, found, demanded


def _of_field(field: str, ours: Ssh) -> object:
    """What the probe saw of a field in the error of a policy."""
    algorithms = ours.algorithms.value
    if field.lower() in _FIELDS:
        return getattr(algorithms, _FIELDS[field.lower()])
    if found := _SIZE_OF_KEY.fullmatch(field):
        return next((_size(each) for each in ours.host_keys if each.type == key_type(found[1])), NOT_READ)
    if _SIZE_OF_GROUP.fullmatch(field):
        return (str(ours.group_exchange_bits.value),)
    return NOT_READ


def _size(offered: OfferedHostKey) -> tuple[str, ...]:
    return (str(offered.key.value.bits),)


def _demands(policy: str, ours: Ssh) -> Iterator[tuple[str, object, object]]:
    """What a policy that is met demands, and what the probe saw."""
    lines = (line.partition("=") for line in policy.splitlines() if "=" in line and not line.startswith("#"))
    options = {name.strip(): value.strip() for name, _, value in lines}
    is_subset = options.get("allow_algorithm_subset_and_reordering") == "true"
    for field, attribute in _FIELDS.items():
        if field in options:
            demanded, offered = tuple(options[field].split(", ")), getattr(ours.algorithms.value, attribute)
            may_differ = is_subset or (field == "host keys" and "allow_hostkey_subset_and_reordering" in options)
            yield field, set(offered) <= set(demanded) if may_differ else offered, True if may_differ else demanded
    if "banner" in options:
        yield "banner", ours.identification, options["banner"].strip('"')
    for option, value in options.items():
        if option.startswith("hostkey_size_") and (wanted := key_type(option.removeprefix("hostkey_size_"))):
            sizes = [_size(each) for each in ours.host_keys if each.type == wanted]
            yield option, sizes[0] if sizes else NOT_READ, (value,)
        if option.startswith("dh_modulus_size_"):
            yield option, str(ours.group_exchange_bits.value), value
        if option.startswith("cakey_size_"):
            yield option, NOT_READ, value


def _fails(algorithm: dict[str, Any]) -> list[str]:
    notes: list[str] = algorithm.get("notes", {}).get("fail", [])
    return notes


def _is_failed(check: Check, facts: Ssh) -> bool:
    return check.evaluate((facts,), {}).outcome is Outcome.FAIL


def main() -> int:
    """Print what differs from the results in a checkout of ssh-audit and is not explained; 1 where something is."""
    from tests.agreement.corpora.comparison import explanations  # it imports this module

    explained = {pair for each in explanations() if each.corpus == "ssh-audit-tables" for pair in each.covers}
    compared = list(expected_results(Path(sys.argv[1])))
    differing = [each for each in compared if each[3] != each[4] and each[3] != "unknown"]
    certificates = [each for each in differing if _OF_CERTIFICATES.search(each[2])]
    wrong = [each for each in differing if each not in certificates and (each[2], each[1]) not in explained]
    counts = f"{len({each[0] for each in compared})} results, {len(compared)} facts, {len(differing)} differ"
    counts += f", {len(certificates)} of them about certificates of host keys, which are not read (ADR 45)"
    sys.stdout.writelines(f"{line}\n" for line in (*map(str, wrong), f"{counts}, {len(wrong)} not explained"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
