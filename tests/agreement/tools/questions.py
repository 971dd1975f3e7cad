"""What all tools share: their input, how they are run, and how they give no result."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import ssl
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.agreement.environment import program
from tests.agreement.facts import Facts


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a server listens, its protocol before TLS, and a folder for the tools' files."""

    address: str
    port: int
    protocol: str
    folder: Path


Tool = Callable[[Asked], Facts]


class NoResult(Exception):
    """The tool has no result for this server, and why."""


def output(command: Sequence[str | Path], seconds: float, given: bytes = b"") -> str:
    """What a program prints; raises NoResult when it takes longer. It and its children are gone afterwards."""
    process = subprocess.Popen(
        [program(str(command[0])), *map(str, command[1:])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.communicate(given, timeout=seconds)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        raise NoResult(f"took longer than {seconds:g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def digest(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def starttls(table: Mapping[str, str], asked: Asked) -> str:
    """How the tool is result to speak the server's protocol; raises NoResult when it cannot."""
    if asked.protocol not in table:
        raise NoResult(f"does not speak {asked.protocol}")
    return table[asked.protocol]
