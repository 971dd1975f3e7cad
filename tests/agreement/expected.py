"""The expected facts of a server: those that follow from its configuration, not from a scan."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache

from tests.agreement import fact_names as names
from tests.agreement.environment import Keys, Place
from tests.agreement.facts import FLAWS, SSL_2, SSL_3, TLS_1_2, TLS_1_3, VERSIONS, Facts, Members, Value, members

#: The suites of TLS 1.3 that OpenSSL offers by itself.
OPENSSL_1_3 = "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256"
#: The groups that OpenSSL 3.0 offers by itself, in TLS 1.2 and in TLS 1.3.
OPENSSL_EC = "X25519 secp256r1 X448 secp521r1 secp384r1"
OPENSSL_FFDHE = "ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192"


def default_groups(release: tuple[int, ...]) -> str:
    """The groups that this release of OpenSSL offers by itself in TLS 1.3."""
    return f"X25519MLKEM768 {OPENSSL_EC} ffdhe2048 ffdhe3072" if release >= (3, 5) else f"{OPENSSL_EC} {OPENSSL_FFDHE}"


@cache
def release_of(*command: str) -> tuple[int, ...]:
    """The first version number, of two parts, that an installed program prints; empty without the program."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return ()
    printed = subprocess.run((program, *command[1:]), check=True, capture_output=True, text=True, timeout=20).stdout
    found = re.search(r"(\d+)\.(\d+)", printed)
    return tuple(map(int, found.groups())) if found else ()


_Kinds = {"rsa": "RSA", "p": "ECDSA", "expired": "ECDSA", "other": "ECDSA", "ed": "ECDSA", "self": "RSA"}


@dataclass(frozen=True, slots=True)
class Expected:
    """The facts that follow from a server's configuration.

    ``suites``: per version an OpenSSL cipher string (``=`` before it) or the standard names. ``groups``: per version
    their names. ``preference``: server or client, in every version that has a choice. ``certificates``: the identities
    shown to a client that sends the server's name. ``has`` names flaws and traits that the server has, ``lacks``
    traits that it has not, ``unknown`` facts that the configuration leaves open. All other flaws are absent.
    """

    versions: str
    suites: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    preference: str = ""
    certificates: str = "rsa"
    finite: bool = True
    dh_bits: str = ""
    has: str = ""
    lacks: str = ""
    unknown: str = ""

    def facts(self, keys: Keys) -> Facts:
        """The facts, with the digests of these identities."""
        found: dict[str, Value] = {version: version in self.versions.split() for version in VERSIONS}
        for version, suites in self.suites.items():
            found[f"suites {version}"] = members(self._suites(version, suites))
        for version, groups in self.groups.items():
            found[f"groups {version}"] = members(names.groups(groups))
        if self.preference:
            found |= {f"preference {version}": self.preference for version in self.suites if version != SSL_2}
        if self.dh_bits:
            found["dh-bits"] = members(self.dh_bits.split())
        if self.certificates:
            found["certificates"] = members(keys[each].sha256 for each in self.certificates.split())
        found |= dict.fromkeys(FLAWS, False) | derived(found)
        found |= dict.fromkeys(self.has.split(), True) | dict.fromkeys(self.lacks.split(), False)
        return {
            name: value
            for name, value in found.items()
            if name not in self.unknown.split(",") and not _is_no_choice(name, found)
        }

    def _suites(self, version: str, suites: str) -> Collection[str]:
        if not suites.startswith("="):
            return names.suites(suites)
        keys = {_Kinds[each.split("-")[0].rstrip("0123456789")] for each in self.certificates.split()}
        return names.served(suites[1:], version, keys=keys, finite=self.finite)


def _is_no_choice(name: str, found: Facts) -> bool:
    """Whether this is a preference among fewer than two suites."""
    what, _space, version = name.partition(" ")
    suites = found.get(f"suites {version}")
    return what == "preference" and isinstance(suites, Members) and len(suites.found) < 2


def derived(facts: Facts) -> dict[str, bool]:
    """The flaws that follow from versions and suites; empty where the suites are not known."""
    known = {version: facts.get(f"suites {version}") for version in VERSIONS}
    if any(facts.get(version) and version != TLS_1_3 and known[version] is None for version in VERSIONS):
        return {}
    table = names.suite_names()
    named = {
        version: [table.get(each, each) for each in suites.found]
        for version, suites in known.items()
        if isinstance(suites, Members)
    }
    every = [each for version, suites in named.items() if version != SSL_2 for each in suites]
    return {
        "drown": bool(facts.get(SSL_2)),
        "poodle": any("_CBC" in each for each in named.get(SSL_3, ())),
        "freak": any(each.startswith("TLS_RSA_EXPORT") for each in every),
        "logjam": any(each.startswith("TLS_DHE_") and "EXPORT" in each for each in every),
        "sweet32": any(block in each for each in every for block in ("3DES", "DES_CBC", "DES40", "IDEA", "RC2")),
    }


Start = Callable[[Place], AbstractContextManager[int]]


@dataclass(frozen=True, slots=True)
class Server:
    """One test server.

    ``protocol`` is what is spoken before TLS (``tls``: nothing); ``reduced``: it is in the reduced run, too.
    """

    name: str
    start: Start
    expected: Expected
    protocol: str = "tls"
    reduced: bool = False


def both(cipher_string: str, tls_1_3: str = OPENSSL_1_3) -> dict[str, str]:
    """The suites of TLS 1.2 by OpenSSL's cipher string, and those of TLS 1.3."""
    return {TLS_1_2: f"={cipher_string}", TLS_1_3: tls_1_3}
