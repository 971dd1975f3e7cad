"""nmap's scripts on TLS, by their XML."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.agreement import fact_names as names
from tests.agreement.environment import HOST
from tests.agreement.facts import SSL_2, VERSIONS, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult, digest, output


def nmap(asked: Asked) -> Facts:
    """Versions, suites and preference, the certificate, SSL 2.0, Heartbleed and CCS injection."""
    scripts = "ssl-enum-ciphers,ssl-cert,sslv2,ssl-heartbleed,ssl-ccs-injection"
    if asked.protocol in {"xmpp", "xmpp-server", "sieve", "lmtp", "nntp"}:
        raise NoResult(f"does not speak {asked.protocol}")
    command = ["nmap", "-n", "-Pn", "-p", str(asked.port), "--script", scripts, "-oX", "-"]
    text = output([*command, "--script-args", f"tls.servername={HOST}", asked.address], 120)
    root = ElementTree.fromstring(text[text.index("<?xml") :])
    script = {str(each.get("id")): each for each in root.iter("script")}
    if "ssl-enum-ciphers" not in script and "sslv2" not in script:
        raise NoResult("finds no TLS")
    found: dict[str, Value] = _suites(script.get("ssl-enum-ciphers"))
    found[SSL_2] = "sslv2" in script
    if "sslv2" in script:
        listed = (str(each.text).removeprefix("SSL2_") for each in script["sslv2"].iter("elem") if each.text)
        codes = {name.removeprefix("SSL2_"): code for code, name in names.suite_names().items() if len(code) == 6}
        found[f"suites {SSL_2}"] = members(codes[each] for each in listed if each in codes)
    shown = script["ssl-cert"].iter("elem") if "ssl-cert" in script else ()
    pem = next((each.text for each in shown if each.get("key") == "pem"), None)
    if pem:
        found["certificates"] = members([digest(pem)], [digest(pem)])
    for name, flaw in (("ssl-heartbleed", "heartbleed"), ("ssl-ccs-injection", "ccs-injection")):
        reported = script[name].get("output", "") if name in script else ""
        found[flaw] = "State: VULNERABLE" in reported
    return found


def _suites(script: ElementTree.Element | None) -> dict[str, Value]:
    found: dict[str, Value] = dict.fromkeys(VERSIONS, False)
    if script is None:
        return {}
    every = names.nmap_suites()
    sizes: set[str] = set()
    for table in script.findall("table"):
        version = str(table.get("key"))
        found[version] = True
        suites = [str(each.text) for each in table.iter("elem") if each.get("key") == "name"]
        found[f"suites {version}"] = members((every[each] for each in suites), every.values())
        exchanges = [
            re.fullmatch(r"dh (\d+)", str(each.text)) for each in table.iter("elem") if each.get("key") == "kex_info"
        ]
        sizes |= {each[1] for each in exchanges if each}
        preference = table.findtext("elem[@key='cipher preference']")
        if preference in {"server", "client"}:
            found[f"preference {version}"] = preference
        compressors = [each.text for each in table.findall("table[@key='compressors']/elem")]
        if compressors:
            found["crime"] = bool(found.get("crime")) or compressors != ["NULL"]
    if sizes:
        found["dh-bits"] = members(sizes)
    return found
