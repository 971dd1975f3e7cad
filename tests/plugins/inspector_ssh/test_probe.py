"""The SSH probe against OpenSSH, Dropbear and scripted servers."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from inspector import Cause, ScanFailure
from inspector.testing import ProbeRun, run_probe
from inspector_ssh.key_exchange import GROUP_EXCHANGE, has_shared_secret
from inspector_ssh.observations import HostKey, Login, Ssh, SshLogin
from inspector_ssh.probes import ssh, ssh_login
from inspector_ssh.transcript import StoredConnections
from inspector_ssh.wire import GREETING_BYTES, Message
from tests.plugins.inspector_services.servers import installed
from tests.plugins.inspector_ssh import scripts
from tests.plugins.inspector_ssh.scripts import SCRIPTS
from tests.plugins.inspector_ssh.servers import (
    ADDRESS,
    DEFAULT_KEYS,
    KEYS_ONLY,
    MODERN,
    SECOND_FACTOR,
    dropbear,
    openssh,
    scripted,
)

#: Every method of OpenSSH 9.2 that the probe can make, group exchange included.
METHODS = [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "sntrup761x25519-sha512@openssh.com",
    "diffie-hellman-group1-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    *GROUP_EXCHANGE,
]
AEAD = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
MACS = [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
]
#: A client of OpenSSH that trusts any host and has no key.
_STRANGER = [
    *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "IdentityFile=/dev/null", "-l", "nobody-here"),
]
Server = Callable[[], AbstractContextManager[int]]
_DISCONNECTED = re.compile(r"Received disconnect from \S+ port \d+:11: *\[preauth\]")


def scanned(port: int, seconds: int = 10) -> ProbeRun:
    """One scan of a port."""
    return run_probe(ssh, f"ssh://{ADDRESS}:{port}", address=ADDRESS, answer_seconds=seconds)


def login(port: int, seconds: int = 10) -> ProbeRun:
    """One request without credentials."""
    return run_probe(ssh_login, f"ssh://{ADDRESS}:{port}", address=ADDRESS, answer_seconds=seconds)


def wait_for(log: Path, ends: int) -> None:
    """Wait until sshd, whose processes write after a connection has ended, has logged so many ends."""
    until = time.monotonic() + 60
    while len(_DISCONNECTED.findall(log.read_text())) < ends and time.monotonic() < until:
        time.sleep(0.05)


def from_script(name: str, seconds: int = 10) -> ProbeRun:
    """One scan of a scripted server."""
    with scripted(name) as port:
        return scanned(port, seconds)


def algorithms_of(name: str) -> Cause | None:
    """The cause for which the algorithms of a scripted server were not seen."""
    return from_script(name).seen(Ssh).algorithms.unseen


def keys_of(run: ProbeRun) -> dict[str, HostKey]:
    """The host keys that were seen, by type."""
    return {each.type: each.key.value for each in run.seen(Ssh).host_keys}


@pytest.mark.parametrize("method", METHODS)
def test_every_key_exchange_method_shows_the_host_key(method: str) -> None:
    """A server that offers one method alone shows its key by it, on one connection.

    Where the probe knows the shared secret, the server shows the algorithms of users' keys on it, too.
    """
    with openssh({"KexAlgorithms": method}, {"ed25519": 256}) as port:
        run = scanned(port)
    assert list(keys_of(run)) == ["ssh-ed25519"]
    assert len(run.ledger) == 1
    named = run.seen(Ssh).signature_algorithms
    assert named.unseen is (None if has_shared_secret(method) else Cause.TOOL_MISSING)
    assert has_shared_secret(method) == (not method.startswith("sntrup") and method not in GROUP_EXCHANGE)


@pytest.mark.parametrize("server", [openssh, dropbear])
def test_keys_are_those_that_a_client_sees(server: object, tmp_path: Path) -> None:
    """Types, sizes and fingerprints are those of ssh-keyscan and ssh-keygen."""
    with server() as port:  # type: ignore[operator]
        listed = subprocess.run([installed("ssh-keyscan"), "-p", str(port), ADDRESS], capture_output=True, check=True)
        seen = keys_of(scanned(port))
    (tmp_path / "keys").write_bytes(listed.stdout)
    command = [installed("ssh-keygen"), "-l", "-f", str(tmp_path / "keys")]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    assert len(lines) == 3
    assert {(key.bits, key.fingerprint) for key in seen.values()} == {
        (int(bits), fingerprint) for bits, fingerprint, *_ in map(str.split, lines)
    }


def test_offered_algorithms_are_those_of_the_configuration() -> None:
    """The lists are those that sshd is configured with, in its order, and its flag of strict key exchange."""
    with openssh(MODERN, {"ed25519": 256}) as port:
        algorithms = scanned(port).seen(Ssh).algorithms.value
    configured = MODERN["KexAlgorithms"].split(",")
    assert [name for name in algorithms.key_exchange if name in configured] == configured
    assert ",".join(algorithms.ciphers_to_client) == ",".join(algorithms.ciphers_to_server) == MODERN["Ciphers"]
    assert ",".join(algorithms.macs_to_client) == ",".join(algorithms.macs_to_server) == MODERN["MACs"]
    assert algorithms.host_key == ("ssh-ed25519",)


@pytest.mark.parametrize("ciphers", [*AEAD, *(f"aes{bits}-ctr" for bits in (128, 192, 256))])
def test_every_cipher_shows_the_algorithms_of_users_keys(ciphers: str) -> None:
    """A server that offers one cipher alone, with each MAC, is read as its client reads it."""
    for macs in MACS if ciphers not in AEAD else MACS[:1]:
        with openssh({"Ciphers": ciphers, "MACs": macs}, {"ed25519": 256}) as port:
            assert "rsa-sha2-512" in (scanned(port).seen(Ssh).signature_algorithms.value or ())


def test_algorithms_of_users_keys_are_those_that_a_client_sees() -> None:
    """The list is the one in the log of OpenSSH's client."""
    with openssh(keys={"ed25519": 256}) as port:
        seen = scanned(port).seen(Ssh).signature_algorithms.value
        command = [installed("ssh"), "-v", "-F", "none", "-p", str(port), *_STRANGER, ADDRESS]
        log = subprocess.run(command, capture_output=True, check=False, text=True).stderr
    listed = re.findall(r"server-sig-algs=<(.*)>", log)[0]
    assert seen == tuple(listed.split(","))


def test_ciphers_that_the_probe_lacks_hide_only_what_is_encrypted() -> None:
    """With CBC alone the keys are seen, and the algorithms of users' keys are not."""
    with openssh({"Ciphers": "aes128-cbc"}, {"ed25519": 256}) as port:
        run = scanned(port)
    assert list(keys_of(run)) == ["ssh-ed25519"]
    assert run.seen(Ssh).signature_algorithms.unseen is Cause.TOOL_MISSING
    assert [gap.question for gap in run.output.gaps] == ["after the key exchange"]


def test_each_type_of_key_costs_one_connection_and_group_exchange_one_more() -> None:
    """The algorithms and the first key ride on the same connection."""
    with openssh({"KexAlgorithms": "+diffie-hellman-group-exchange-sha256"}) as port:
        assert len(scanned(port).ledger) == 3 + 1
    with dropbear() as port:
        assert len(scanned(port).ledger) == 3


def test_it_never_authenticates(tmp_path: Path) -> None:
    """sshd logs that the client ended each connection before any authentication."""
    log = tmp_path / "log"
    with openssh({"LogLevel": "VERBOSE"}, log=log) as port:
        connections = len(scanned(port).ledger)
        wait_for(log, connections)
    text = log.read_text()
    assert len(_DISCONNECTED.findall(text)) == connections
    assert not re.search(r"Accepted|Failed|Invalid user|error:|fatal:", text)


# --- Login ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "methods"),
    [
        (openssh, ("publickey", "password", "keyboard-interactive")),
        (partial(openssh, KEYS_ONLY), ("publickey",)),
        (partial(openssh, SECOND_FACTOR), ("publickey",)),
        (dropbear, ("publickey", "password")),
        (partial(dropbear, DEFAULT_KEYS, ["-s"]), ("publickey",)),
    ],
)
def test_methods_of_login_are_those_of_the_configuration(server: Server, methods: tuple[str, ...]) -> None:
    """OpenSSH in three configurations and Dropbear in two list them, on one connection."""
    with server() as port:
        run = login(port)
    assert run.seen(SshLogin).login.value == Login(accepted=False, methods=methods)
    assert len(run.ledger) == 1


def test_one_request_with_a_random_name_and_without_password(tmp_path: Path) -> None:
    """sshd logs a name of no account, the method none at most, and the end by the client."""
    log = tmp_path / "log"
    with openssh({"LogLevel": "DEBUG1"}, {"ed25519": 256}, log=log) as port:
        for number in (1, 2):
            login(port)
            wait_for(log, number)
    text = log.read_text()
    names = set(re.findall(r"userauth-request for user (\w+) service ssh-connection method none", text))
    assert len(names) == 2
    assert len(re.findall("userauth-request", text)) == 2
    assert not re.search(r"Accepted|Failed password", text)


def test_a_server_that_lets_anybody_in_gets_the_end_as_the_next_message() -> None:
    """After the acceptance the only message is SSH_MSG_DISCONNECT."""
    server = SCRIPTS["lets-anybody-in"]
    assert isinstance(server, scripts.Server)
    server.heard.clear()
    with scripted("lets-anybody-in") as port:
        assert login(port).seen(SshLogin).login.value == Login(accepted=True)
        until = time.monotonic() + 60
        while Message.DISCONNECT not in server.heard and time.monotonic() < until:
            time.sleep(0.01)
    assert server.heard == [Message.SERVICE_REQUEST, Message.USERAUTH_REQUEST, Message.DISCONNECT]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("wrong-tag", Cause.PROTOCOL_ERROR),
        ("refuses-service", Cause.PROTOCOL_ERROR),
        ("endless-banners", Cause.PROTOCOL_ERROR),
        ("escapes-in-login", Cause.PROTOCOL_ERROR),
        ("plain", Cause.PROTOCOL_ERROR),
        ("no-method", Cause.TOOL_MISSING),
        ("smtp", Cause.PROTOCOL_ERROR),
        ("endless-debug", Cause.PROTOCOL_ERROR),
        ("huge-packet", Cause.PROTOCOL_ERROR),
    ],
)
def test_a_server_that_does_not_answer_the_request_ends_as_a_cause(name: str, cause: Cause) -> None:
    """There is no observation, and a bounded number of bytes."""
    with scripted(name) as port:
        run = login(port, seconds=3 if name == "smtp" else 10)  # mail servers wait to be spoken to
    with pytest.raises(ScanFailure) as failure:
        run.seen(SshLogin)
    assert failure.value.cause is cause
    assert [entry.received <= 200_000 for entry in run.ledger] == [True]


# --- Scripted servers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("ends-at-once", Cause.PROTOCOL_ERROR),
        ("resets", Cause.RESET),
        ("rate-limited", Cause.RATE_LIMITED),
        ("penalty", Cause.RATE_LIMITED),
        ("malformed-identification", Cause.PROTOCOL_ERROR),
        ("endless-line", Cause.PROTOCOL_ERROR),
        ("endless-lines", Cause.PROTOCOL_ERROR),
        ("endless-identification", Cause.PROTOCOL_ERROR),
    ],
)
def test_a_server_that_does_not_identify_itself_ends_as_a_cause(name: str, cause: Cause) -> None:
    """There is no observation, one connection, and a bounded number of bytes."""
    run = from_script(name)
    with pytest.raises(ScanFailure) as failure:
        run.seen(Ssh)
    assert failure.value.cause is cause
    assert [entry.received <= GREETING_BYTES + 4096 for entry in run.ledger] == [True]


@pytest.mark.parametrize(
    ("name", "cause", "detail"),
    [
        ("silent", Cause.TIMEOUT, "sent nothing"),
        ("tarpit", Cause.TIMEOUT, "no end within 3 s"),
        ("smtp", Cause.PROTOCOL_ERROR, "does not identify itself as SSH; sends 220 mail"),
        ("garbage", Cause.PROTOCOL_ERROR, "does not identify itself as SSH; sends "),
    ],
)
def test_another_protocol_or_silence_ends_as_a_cause(name: str, cause: Cause, detail: str) -> None:
    """What a server of another protocol says is in the detail, printable."""
    run = from_script(name, seconds=1 if cause is Cause.TIMEOUT else 3)  # these wait, after what they say
    assert run.facts is None
    assert run.failure is not None
    assert run.failure.cause is cause
    assert detail in run.failure.detail
    assert run.failure.detail.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "version-1",
        "cut-kexinit",
        "huge-packet",
        "tiny-packet",
        "bad-padding",
        "huge-list",
        "empty-name",
        "garbage-kexinit",
        "escapes-in-names",
        "many-names",
        "no-algorithms",
        "endless-debug",
        "disconnects",
        "other-message",
    ],
)
def test_a_server_that_breaks_off_after_its_identification_leaves_the_algorithms_unseen(name: str) -> None:
    """The version is seen, the algorithms are a protocol error with its gap, and bytes are bounded."""
    run = from_script(name)
    facts = run.seen(Ssh)
    assert facts.algorithms.unseen is Cause.PROTOCOL_ERROR
    assert facts.host_keys == ()
    assert facts.group_exchange_bits.unseen is Cause.PROTOCOL_ERROR
    assert [gap.question for gap in run.output.gaps] == ["algorithms"]
    assert [entry.received <= 200_000 for entry in run.ledger] == [True]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("wrong-tag", Cause.PROTOCOL_ERROR),
        ("refuses-service", Cause.PROTOCOL_ERROR),
        ("huge-extensions", Cause.PROTOCOL_ERROR),
        ("cut-extensions", Cause.PROTOCOL_ERROR),
        ("plain", Cause.PROTOCOL_ERROR),
        ("silent-after-keys", Cause.TIMEOUT),
    ],
)
def test_what_goes_wrong_after_the_key_exchange_hides_no_host_key(name: str, cause: Cause) -> None:
    """Algorithms and keys are seen, the algorithms of users' keys are unseen by their own cause."""
    run = from_script(name, seconds=3 if cause is Cause.TIMEOUT else 10)
    facts = run.seen(Ssh)
    assert facts.signature_algorithms.unseen is cause
    assert len(keys_of(run)) == len(facts.host_keys) > 0
    assert len(run.ledger) == len(facts.host_keys)


@pytest.mark.parametrize("name", ["no-extensions", "other-extensions"])
def test_algorithms_of_users_keys_that_were_not_sent_are_no_unseen_ones(name: str) -> None:
    """The server accepted the service without naming them."""
    assert from_script(name).seen(Ssh).signature_algorithms.is_seen
    assert from_script(name).seen(Ssh).signature_algorithms.seen is None


def test_a_limit_on_connections_is_named() -> None:
    """A server that disconnects for too many connections is rate-limited."""
    assert algorithms_of("too-many-connections") is Cause.RATE_LIMITED


def test_a_silent_server_leaves_the_algorithms_unseen() -> None:
    """Silence after the identification is a timeout of the algorithms."""
    facts = from_script("silent-after-identification", seconds=1).seen(Ssh)
    assert facts.algorithms.unseen is Cause.TIMEOUT


def test_a_server_that_drips_leaves_the_algorithms_unseen() -> None:
    """A byte now and then is no answer: the time for a connection ends it, and no further one is opened."""
    run = from_script("drips", seconds=1)
    assert run.seen(Ssh).algorithms.unseen is Cause.TIMEOUT
    assert len(run.ledger) == 1


@pytest.mark.parametrize("name", ["plain", "wrong-guess", "lines-before", "slow", "comma-at-the-end"])
def test_unusual_servers_are_understood(name: str) -> None:
    """Lines before the identification, a wrong guess, and pieces of one byte change nothing."""
    assert list(keys_of(from_script(name))) == ["ssh-ed25519"]


def test_words_before_the_identification_are_masked() -> None:
    """A secret in a banner is not stored."""
    run = from_script("lines-before")
    assert run.seen(Ssh).software == "Scripted_1.0"
    (stored,) = StoredConnections.parse(run.output.named("connections.json") or b"").connections
    assert b"hunter2" not in stored.greeting


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("no-method", Cause.TOOL_MISSING),
        ("key-of-other-type", Cause.PROTOCOL_ERROR),
        ("negative-modulus", Cause.PROTOCOL_ERROR),
        ("huge-group", Cause.PROTOCOL_ERROR),
    ],
)
def test_a_host_key_that_was_not_shown_has_its_cause(name: str, cause: Cause) -> None:
    """The algorithms are seen, and the key is not."""
    facts = from_script(name).seen(Ssh)
    assert facts.algorithms.is_seen
    assert [each.key.unseen for each in facts.host_keys] == [cause]


def test_one_failed_key_exchange_does_not_hide_the_others() -> None:
    """The key that was seen stays, the other one is unseen by its own cause."""
    facts = from_script("second-resets").seen(Ssh)
    assert [(each.type, each.key.unseen) for each in facts.host_keys] == [
        ("ssh-ed25519", None),
        ("ssh-rsa", Cause.RESET),
    ]


def test_servers_that_differ_between_connections_are_unstable() -> None:
    """Two servers behind one address leave the algorithms unseen."""
    assert algorithms_of("unstable") is Cause.UNSTABLE


def test_the_smallest_group_that_the_server_prefers_is_seen() -> None:
    """The length of the modulus is that of the server's group; the client ends before it computes anything."""
    run = from_script("small-group")
    assert run.seen(Ssh).group_exchange_bits.seen == 1024
    assert len(run.ledger) == 2


def test_unseen_group_is_no_absent_group() -> None:
    """A server that offers group exchange and ends the connection has not shown a group."""
    facts = from_script("ends-at-group-exchange").seen(Ssh)
    assert facts.group_exchange_bits.unseen is Cause.PROTOCOL_ERROR
