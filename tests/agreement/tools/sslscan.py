"""sslscan, by its XML."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.agreement import fact_names as names
from tests.agreement.environment import HOST
from tests.agreement.expected import release_of
from tests.agreement.facts import TLS_1_1, TLS_1_2, TLS_1_3, VERSIONS, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult, digest, output, starttls

_STARTTLS = {
    "smtp": "--starttls-smtp",
    "imap": "--starttls-imap",
    "pop3": "--starttls-pop3",
    "ftp": "--starttls-ftp",
    "ldap": "--starttls-ldap",
    "xmpp": "--starttls-xmpp",
    "xmpp-server": "--starttls-xmpp",
    "postgres": "--starttls-psql",
    "mysql": "--starttls-mysql",
    "rdp": "--rdp",
}
#: Groups that sslscan knows by name (its own table).
_GROUPS = names.groups(
    "secp256r1 secp384r1 secp521r1 X25519 X448 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192"
    " brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 secp192r1 secp224r1 secp256k1"
)


def sslscan(asked: Asked) -> Facts:
    """Versions, suites, groups, key, Heartbleed, compression, renegotiation and the fallback signal."""
    command: list[str] = ["sslscan", "--xml=-", f"--sni-name={HOST}", "--show-certificate"]
    if asked.protocol != "tls":
        command.append(starttls(_STARTTLS, asked))
    text = output([*command, f"{asked.address}:{asked.port}"], 90)
    begin = text.find("<document")
    try:
        test = ElementTree.fromstring(text[begin:]).find("ssltest") if begin >= 0 else None
    except ElementTree.ParseError:  # it dies of a reset
        raise NoResult("breaks off") from None
    if test is None or test.find("protocol") is None:
        words = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("<")]
        raise NoResult(words[-1].strip() if words else "finds no TLS")
    found = _versions(test)
    sizes = {str(each.get("dhebits")) for each in test.findall("cipher") if each.get("dhebits")}
    if sizes:
        found["dh-bits"] = members(sizes)
    bleeding = [each.get("vulnerable") == "1" for each in test.findall("heartbleed")]
    if bleeding:
        found["heartbleed"] = any(bleeding)
    for element, attribute, name, flawed in (
        ("compression", "supported", "crime", "1"),
        ("fallback", "supported", "fallback-scsv", "1"),
    ):
        answer = test.find(element)
        if answer is not None and (answer.get(attribute) == flawed or _can_deny(name, found)):
            found[name] = answer.get(attribute) == flawed
    renegotiation = test.find("renegotiation")
    if renegotiation is not None and renegotiation.get("supported") == "1":
        found["insecure-renegotiation"] = renegotiation.get("secure") == "0"
    blobs = ["".join(each.itertext()) for each in test.iter("certificate-blob")]
    leaves = {digest(each.strip()) for each in blobs if "BEGIN CERTIFICATE" in each}
    if leaves:
        found["certificates"] = members(leaves, leaves)
    return found


def _can_deny(fact: str, found: Facts) -> bool:
    """Whether its "no" is an answer.

    Compression is what its OpenSSL negotiates from release 2.1 on, and Debian's has none; the fallback signal needs a
    version of TLS below the newest one.
    """
    if fact == "crime":
        return release_of("sslscan", "--version") < (2, 1)
    return any(found.get(version) for version in (TLS_1_1, TLS_1_2, TLS_1_3))


def _starttls(table: dict[str, str], asked: Asked) -> str:
    if asked.protocol not in table:
        raise NoResult(f"does not speak {asked.protocol}")
    return table[asked.protocol]


def _versions(test: ElementTree.Element) -> dict[str, Value]:
    """Versions, and suites and groups of each."""
    found: dict[str, Value] = {}
    for each in test.findall("protocol"):
        version = ("SSLv" if each.get("type") == "ssl" else "TLSv") + str(each.get("version"))
        found[version] = each.get("enabled") == "1"
    for version in VERSIONS:
        suites = [str(each.get("id"))[2:] for each in test.findall("cipher") if each.get("sslversion") == version]
        if found.get(version) and suites:
            found[f"suites {version}"] = members(each.upper() for each in suites)
        groups = [
            f"x{str(each.get('id'))[2:].lower()}" for each in test.findall("group") if each.get("sslversion") == version
        ]
        if groups:
            found[f"groups {version}"] = members(groups, _GROUPS)
    return found
