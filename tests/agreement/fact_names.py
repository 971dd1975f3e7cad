"""Names of cipher suites and groups, and the code points that stand for them in comparisons.

Suites are named by what OpenSSL and nmap know of them, not by a table that the inspection reads.
"""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Collection
from pathlib import Path

#: The TLS Supported Groups registry, by every name that a tool gives to a group.
_GROUPS = {
    "secp160k1": 15, "secp160r1": 16, "secp160r2": 17, "secp192k1": 18, "secp192r1": 19, "prime192v1": 19,
    "secp224k1": 20, "secp224r1": 21, "secp256k1": 22, "secp256r1": 23, "prime256v1": 23, "secp384r1": 24,
    "secp521r1": 25, "sect163k1": 1, "sect163r1": 2, "sect163r2": 3, "sect193r1": 4, "sect193r2": 5, "sect233k1": 6,
    "sect233r1": 7, "sect239k1": 8, "sect283k1": 9, "sect283r1": 10, "sect409k1": 11, "sect409r1": 12,
    "sect571k1": 13, "sect571r1": 14, "brainpoolP256r1": 26, "brainpoolP384r1": 27, "brainpoolP512r1": 28,
    "X25519": 29, "X448": 30, "ffdhe2048": 256, "ffdhe3072": 257, "ffdhe4096": 258, "ffdhe6144": 259,
    "ffdhe8192": 260, "SecP256r1MLKEM768": 4587, "X25519MLKEM768": 4588, "SecP384r1MLKEM1024": 4589,
}  # fmt: skip
#: Written otherwise than those of suites, for both stand in one table of names.
_CODES = {name.lower(): f"x{code:04x}" for name, code in _GROUPS.items()}
#: The cipher kinds of SSL 2.0 by the names in its specification.
_SSL_2 = {
    "010080": "RC4_128_WITH_MD5",
    "020080": "RC4_128_EXPORT40_WITH_MD5",
    "030080": "RC2_128_CBC_WITH_MD5",
    "040080": "RC2_128_CBC_EXPORT40_WITH_MD5",
    "050080": "IDEA_128_CBC_WITH_MD5",
    "060040": "DES_64_CBC_WITH_MD5",
    "0700C0": "DES_192_EDE3_CBC_WITH_MD5",
    "080080": "RC4_64_WITH_MD5",
}
#: RFC 8446 §B.4.
_TLS_1_3 = {
    "1301": "TLS_AES_128_GCM_SHA256",
    "1302": "TLS_AES_256_GCM_SHA384",
    "1303": "TLS_CHACHA20_POLY1305_SHA256",
    "1304": "TLS_AES_128_CCM_SHA256",
    "1305": "TLS_AES_128_CCM_8_SHA256",
}
_NMAP = Path("/usr/share/nmap/nselib/tls.lua")


def group(name: str) -> str:
    """The code point of a group."""
    return _CODES[name.lower()]


def groups(names: str) -> frozenset[str]:
    """The code points of groups, named with spaces or colons in between."""
    return frozenset(map(group, names.replace(":", " ").split()))


@functools.cache
def openssl_ciphers(selection: str, version: str) -> tuple[tuple[str, str, str], ...]:
    """What OpenSSL's cipher string selects for one version: code point, key exchange and authentication of each."""
    flag = {"TLSv1.0": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2"}[version]
    command = ["openssl", "ciphers", "-V", "-s", flag, selection]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    found = (re.search(r"0x(..),0x(..) - \S+ +\S+ +Kx=(\S+) +Au=(\S+)", line) for line in lines)
    return tuple((each[1] + each[2], each[3], each[4]) for each in found if each)


def served(selection: str, version: str, *, keys: Collection[str], finite: bool = True) -> frozenset[str]:
    """The suites that an OpenSSL server with such ``keys`` accepts; ``finite``: it has Diffie-Hellman parameters."""
    return frozenset(
        code
        for code, exchange, authentication in openssl_ciphers(selection, version)
        if authentication in {*keys, "None"} and (finite or exchange != "DH") and (exchange != "RSA" or "RSA" in keys)
    )


@functools.cache
def suite_names() -> dict[str, str]:
    """Code point to name, of every suite and group that is known here."""
    table = {code: f"SSL2_{name}" for code, name in _SSL_2.items()}
    table |= {code: name for name, code in nmap_suites().items()} | _TLS_1_3
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    found = (re.search(r"0x(..),0x(..) - (\S+)", line) for line in lines)
    return (
        table
        | {each[1] + each[2]: each[3] for each in found if each}
        | {f"x{code:04x}": name for name, code in _GROUPS.items()}
    )


@functools.cache
def suite_codes() -> dict[str, str]:
    """Name to code point of every suite, by nmap's and by OpenSSL's names."""
    table = {name: code for code, name in suite_names().items()} | nmap_suites()
    return table | {f"SSL_CK_{name}": code for code, name in _SSL_2.items()}


@functools.cache
def nmap_suites() -> dict[str, str]:
    """nmap's own table of suites."""
    if not _NMAP.exists():
        return {}
    entries = re.findall(r'"?((?:TLS|SSL)_\w+)"?\]?\s*=\s*0x([0-9A-Fa-f]{4}),', _NMAP.read_text("latin-1"))
    return {name: code.upper() for name, code in entries}


def suites(names: str) -> frozenset[str]:
    """The code points of suites by their standard names, spaces in between."""
    return frozenset(suite_codes()[each] for each in names.split())
