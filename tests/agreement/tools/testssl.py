"""testssl.sh, by its JSON."""

from __future__ import annotations

import json
import re

from tests.agreement.environment import HOST
from tests.agreement.facts import SSL_2, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult, output, starttls

_STARTTLS = {
    each: each for each in ("smtp", "lmtp", "pop3", "imap", "ftp", "xmpp", "ldap", "nntp", "postgres", "mysql")
}
_VERSIONS = {
    "SSLv2": "SSLv2",
    "SSLv3": "SSLv3",
    "TLS1": TLS_1_0,
    "TLS1_1": TLS_1_1,
    "TLS1_2": TLS_1_2,
    "TLS1_3": TLS_1_3,
}
_SUITES = {
    "ssl2": "SSLv2",
    "ssl3": "SSLv3",
    "tls1": TLS_1_0,
    "tls1_1": TLS_1_1,
    "tls1_2": TLS_1_2,
    "tls1_3": TLS_1_3,
}
_FLAWS = {
    "heartbleed": "heartbleed",
    "CCS": "ccs-injection",
    "ROBOT": "robot",
    "CRIME_TLS": "crime",
    "POODLE_SSL": "poodle",
    "DROWN": "drown",
    "FREAK": "freak",
    "LOGJAM": "logjam",
    "SWEET32": "sweet32",
}


def testssl(asked: Asked) -> Facts:
    """Versions, suites and flaws.

    It takes its time, so that other questions are left out. What it says of renegotiation by the client depends on
    whether the end of its input or the server's answer comes first, so that it is not received on that.
    """
    written = asked.folder / "testssl.json"
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", asked.address]
    command += [
        "--jsonfile",
        str(written),
        "-p",
        "-E",
        "-H",
        "-I",
        "-BB",
        "-R",
        "-C",
        "-Z",
        "-O",
        "-W",
        "-F",
        "-D",
        "-J",
    ]
    if asked.protocol != "tls":
        command += ["-t", starttls(_STARTTLS, asked)]
    text = output([*command, f"{HOST}:{asked.port}"], 300)
    if not written.exists():
        raise NoResult(text.strip()[-200:])
    reported = {each["id"]: each["finding"] for each in json.loads(written.read_text())}
    if "TLS1_2" not in reported:
        raise NoResult(next(iter(reported.values()), "wrote nothing")[:200])
    found: dict[str, Value] = {
        version: reported[key].startswith(("offered", "vulnerable"))
        for key, version in _VERSIONS.items()
        if key in reported
    }
    for key, version in _SUITES.items():
        codes = [
            each.removeprefix(f"cipher-{key}_x") for each in reported if re.fullmatch(f"cipher-{key}_x[0-9a-f]+", each)
        ]
        if codes and found.get(version):
            found[f"suites {version}"] = members(each.zfill(6 if version == SSL_2 else 4).upper() for each in codes)
    return found | _flaws(reported)


def _flaws(reported: dict[str, str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, name in _FLAWS.items():
        finding = reported.get(key, "").lower()
        if finding.startswith(
            ("not vulnerable", "vulnerable", "potentially vulnerable", "uses 64 bit", "not affected")
        ):
            found[name] = not finding.startswith("not")
    secure = reported.get("secure_renego", "")
    if secure.lower().startswith(("supported", "not supported", "vulnerable")):
        found["insecure-renegotiation"] = not secure.lower().startswith("supported")
    fallback = reported.get("fallback_SCSV", "").lower()
    if fallback.startswith(("supported", "not supported")):
        found["fallback-scsv"] = fallback.startswith("supported")
    return found
