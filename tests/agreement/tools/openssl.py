"""``openssl s_client``, asked again and again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.agreement import fact_names as names
from tests.agreement.environment import HOST
from tests.agreement.facts import TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult, digest, output, starttls

_STARTTLS = {
    **{
        each: each
        for each in ("smtp", "imap", "pop3", "ftp", "ldap", "xmpp", "postgres", "mysql", "lmtp", "sieve", "nntp")
    },
    "xmpp-server": "xmpp-server",
}
_FLAGS = {TLS_1_0: "-tls1", TLS_1_1: "-tls1_1", TLS_1_2: "-tls1_2", TLS_1_3: "-tls1_3"}
#: What s_client calls groups, and their usual names.
_GROUPS = {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}
_GROUPS |= {
    each: each
    for each in (
        *("X25519", "X448", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"),
        *("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"),
    )
}
_LEVEL = "@SECLEVEL=0"


class _Client:
    """``openssl s_client``: one handshake at a time."""

    def __init__(self, asked: Asked) -> None:
        self._base = ["openssl", "s_client", "-connect", f"{asked.address}:{asked.port}", "-servername", HOST]
        self._base += ["-legacy_server_connect"]
        if asked.protocol != "tls":
            self._base += ["-starttls", starttls(_STARTTLS, asked)]

    def shake(self, *arguments: str) -> str:
        """What it prints of a handshake with these arguments."""
        return output([*self._base, *arguments], 10)

    def suite(self, *arguments: str) -> str | None:
        """The suite that the server chose; None when there was no handshake."""
        text = self.shake(*arguments)
        named = re.search(r"^New, .*, Cipher is (\S+)", text, re.MULTILINE)
        return None if named is None or named[1] == "(NONE)" else named[1]


def openssl(asked: Asked) -> Facts:
    """Versions, suites and preference, groups, certificates, renegotiation and early data.

    Suites are found by asking again without the one that the server chose.
    """
    client = _Client(asked)
    found: dict[str, Value] = {}
    for version, flag in _FLAGS.items():
        every = _suites(version)
        order = _order(client, version, flag, list(every))
        found[version] = bool(order)
        if order:
            found[f"suites {version}"] = members((every[each] for each in order), every.values())
        if len(order) > 1:
            again = client.suite(flag, *_offer(version, order[::-1]))
            if again is not None:
                found[f"preference {version}"] = "client" if again == order[-1] else "server"
    if not any(found.values()):
        raise NoResult("makes no handshake")
    for version in (TLS_1_2, TLS_1_3):
        if found[version]:
            found |= _groups(client, version, _FLAGS[version])
    return found | _certificates(client)


def _suites(version: str) -> dict[str, str]:
    """Name to code point of all suites that s_client can offer in this version."""
    if version == TLS_1_3:
        return {
            name: code
            for name, code in names.suite_codes().items()
            if name.startswith("TLS_") and re.fullmatch("130[1-5]", code) and "AKE" not in name
        }
    flag = _FLAGS[version]
    text = output(["openssl", "ciphers", "-V", "-s", flag, f"ALL:eNULL:{_LEVEL}"], 10)
    return {each[3]: each[1] + each[2] for each in re.finditer(r"0x(..),0x(..) - (\S+)", text)}


def _offer(version: str, suites: Iterable[str]) -> tuple[str, ...]:
    listed = ":".join(suites)
    if version == TLS_1_3:
        return ("-ciphersuites", listed, "-cipher", f"DEFAULT:{_LEVEL}")
    return ("-cipher", f"{listed}:{_LEVEL}")


def _order(client: _Client, version: str, flag: str, offered: list[str]) -> list[str]:
    """The suites in the order in which the server chose them."""
    order: list[str] = []
    while offered:
        chosen = client.suite(flag, *_offer(version, offered))
        if chosen not in offered:
            break
        order.append(chosen)
        offered.remove(chosen)
    if order:  # a server may fail at a suite that it chooses before others: these are asked for alone
        order += [each for each in offered if client.suite(flag, *_offer(version, [each])) == each]
    return order


def _groups(client: _Client, version: str, flag: str) -> dict[str, Value]:
    """The groups, found by asking again without the one that the server chose.

    In TLS 1.2 a server with an ECDSA certificate leaves when the certificate's own curve is missing: that one stays.
    """
    can = {each: names.group(name) for each, name in _GROUPS.items() if version == TLS_1_3 or "ff" not in each}
    suites = _offer(version, _suites(version) if version == TLS_1_3 else ("ECDHE", "AECDH"))
    if client.suite(flag, *suites) is None:
        return {}
    found: set[str] = set()
    offered = list(can)
    while offered and (chosen := _group(client.shake(flag, *suites, "-groups", ":".join(offered)))):
        if chosen not in offered:
            break
        found.add(chosen)
        offered.remove(chosen)
    for group in offered:
        kept = [each for each in found if _group(client.shake(flag, *suites, "-groups", f"{group}:{each}")) == group]
        found |= {group} if kept else set()
    return {f"groups {version}": members((can[each] for each in found), can.values())}


def _group(text: str) -> str | None:
    """The group of a handshake."""
    reported = re.search(r"^Server Temp Key: (?:ECDH, )?([^,\n]+)(?:, (\d+) bits)?", text, re.MULTILINE)
    if reported is None:
        return None
    if reported[1] == "DH":
        return f"ffdhe{reported[2]}"
    return {"prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}.get(reported[1], reported[1])


def _certificates(client: _Client) -> dict[str, Value]:
    """The certificates for RSA and for other signatures, and other facts of a handshake."""
    found: dict[str, Value] = {}
    leaves = set()
    for algorithms in ("RSA-PSS+SHA256:RSA+SHA256:RSA+SHA1", "ECDSA+SHA256:ECDSA+SHA384:ed25519:ed448"):
        text = client.shake("-sigalgs", algorithms, "-showcerts", "-cipher", f"ALL:{_LEVEL}")
        pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
        if pem:
            leaves.add(digest(pem[0]))
    if leaves:
        found["certificates"] = members(leaves, leaves)
    text = client.shake("-no_tls1_3", "-cipher", f"ALL:{_LEVEL}")
    reported = re.search(r"Secure Renegotiation IS (NOT )?supported", text)
    if reported and re.search(r"Cipher is (?!\(NONE\))", text):
        found["insecure-renegotiation"] = bool(reported[1])
        found["extended-master-secret"] = "Extended master secret: yes" in text
    text = client.shake("-tls1_3")
    lifetime = re.search(r"Max Early Data: (\d+)", text)
    if lifetime:
        found["early-data"] = int(lifetime[1]) > 0
    return found
