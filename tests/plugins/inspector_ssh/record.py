"""Records what the probe observes at running servers: ``python -m tests.plugins.inspector_ssh.record NAME``.

Needs sshd and dropbear. Names are as in ``ssh/default``; ``--all`` records every one. Keys are new at each start of a
server, and distributions update it: fingerprints are numbered, and versions are those of the first recording.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from inspector import Answer, Observation
from inspector.testing import record, run_probe
from inspector_ssh.observations import OfferedHostKey, Ssh, SshLogin
from inspector_ssh.probes import ssh, ssh_login
from tests.plugins.inspector_ssh.servers import (
    ADDRESS,
    CBC_WITH_ETM,
    KEYS_ONLY,
    MODERN,
    OLD,
    OLD_KEYS,
    SECOND_FACTOR,
    dropbear,
    openssh,
    scripted,
)

FOLDER = Path(__file__).parent
Server = Callable[[], AbstractContextManager[int]]
SERVERS: dict[str, Server] = {
    "default": openssh,
    "modern": partial(openssh, MODERN, {"ed25519": 256}),
    "old": partial(openssh, OLD, OLD_KEYS),
    "short-rsa": partial(openssh, {"RequiredRSASize": "1024"}, {"rsa": 1024}),
    "aead-only": partial(openssh, {"Ciphers": "aes256-gcm@openssh.com,aes128-gcm@openssh.com"}),
    "etm-only": partial(openssh, {"MACs": "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"}),
    "group14-alone": partial(openssh, {"KexAlgorithms": "diffie-hellman-group14-sha256"}),
    "group-exchange-alone": partial(openssh, {"KexAlgorithms": "diffie-hellman-group-exchange-sha256"}),
    "cbc-with-etm": partial(openssh, CBC_WITH_ETM),
    "dropbear": dropbear,
    "version-1-99": partial(scripted, "version-1-99"),
    "version-1": partial(scripted, "version-1"),
    "silent-after-identification": partial(scripted, "silent-after-identification"),
    "cut-kexinit": partial(scripted, "cut-kexinit"),
    "unknown-algorithms": partial(scripted, "unknown-algorithms"),
    "cbc-etm-without-strict": partial(scripted, "cbc-etm-without-strict"),
    "version-9": partial(scripted, "version-9"),
    "second-resets": partial(scripted, "second-resets"),
    "ends-at-group-exchange": partial(scripted, "ends-at-group-exchange"),
    "before-terrapin": partial(scripted, "before-terrapin"),
    "small-group": partial(scripted, "small-group"),
    "no-extensions": partial(scripted, "no-extensions"),
    "weak-user-keys": partial(scripted, "weak-user-keys"),
    "unknown-user-keys": partial(scripted, "unknown-user-keys"),
    "encrypted": partial(scripted, "encrypted"),
}
#: Servers that are asked how they answer a user without credentials.
LOGIN_SERVERS: dict[str, Server] = {
    "default": openssh,
    "keys-only": partial(openssh, KEYS_ONLY, {"ed25519": 256}),
    "second-factor": partial(openssh, SECOND_FACTOR, {"ed25519": 256}),
    "dropbear": dropbear,
    "dropbear-keys-only": partial(dropbear, {"ed25519": 256}, ["-s"]),
    "lets-anybody-in": partial(scripted, "lets-anybody-in"),
    "interactive-only": partial(scripted, "interactive-only"),
    "unknown-login": partial(scripted, "unknown-login"),
    "no-login": partial(scripted, "no-login"),
}
#: Releases of the recorded servers, whose updates change nothing that is seen.
_RECORDED = re.compile(r"(OpenSSH_9\.2p|dropbear_2022\.)\d+")
_LAST_DIGITS = {"OpenSSH_9.2p": "1", "dropbear_2022.": "83"}


def recorders() -> dict[str, Callable[[], Observation]]:
    """By name, what records a server."""
    return {f"ssh/{name}": partial(_observe, server) for name, server in SERVERS.items()} | {
        f"ssh-login/{name}": partial(_observe_login, server) for name, server in LOGIN_SERVERS.items()
    }


def _observe(server: Server) -> Observation:
    with server() as port:
        facts = run_probe(ssh, f"ssh://{ADDRESS}:{port}", address=ADDRESS, answer_seconds=2).seen(Ssh)
    return stable(facts)


def _observe_login(server: Server) -> Observation:
    with server() as port:
        return run_probe(ssh_login, f"ssh://{ADDRESS}:{port}", address=ADDRESS).seen(SshLogin)


def stable(facts: Ssh) -> Ssh:
    """The observation without what changes from run to run."""
    keys = tuple(_numbered(number, key) for number, key in enumerate(facts.host_keys, 1))
    software = _RECORDED.sub(lambda found: found[1] + _LAST_DIGITS[found[1]], facts.software)
    comments = re.sub(r"(Debian-\d\+deb12).*", r"\1u10", facts.comments)
    return facts.model_copy(update={"host_keys": keys, "software": software, "comments": comments})


def _numbered(number: int, offered: OfferedHostKey) -> OfferedHostKey:
    if offered.key.seen is None:
        return offered
    key = offered.key.seen.model_copy(update={"fingerprint": f"SHA256:{number}"})
    return offered.model_copy(update={"key": Answer(seen=key)})


if __name__ == "__main__":
    record(FOLDER, recorders(), sys.argv[1:])
