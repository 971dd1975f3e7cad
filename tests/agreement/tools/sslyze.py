"""sslyze's command, by its JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.agreement import fact_names as names
from tests.agreement.environment import HOST
from tests.agreement.facts import TLS_1_2, TLS_1_3, VERSIONS, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult, digest, output, starttls

_STARTTLS = {
    "smtp": "smtp",
    "imap": "imap",
    "pop3": "pop3",
    "ftp": "ftp",
    "ldap": "ldap",
    "xmpp": "xmpp",
    "xmpp-server": "xmpp_server",
    "postgres": "postgres",
    "rdp": "rdp",
}
_VERSIONS = dict(zip(("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"), VERSIONS, strict=True))


def sslyze(asked: Asked) -> Facts:
    """Versions, suites and preference, groups, certificates and flaws."""
    written = asked.folder / "sslyze.json"
    command = [sys.executable, "-W", "ignore", "-m", "sslyze", f"--json_out={written}", f"--sni={HOST}", "--early_data"]
    command += ["--mozilla_config=disable", "--certinfo", "--elliptic_curves", "--ems", "--compression", "--heartbleed"]
    command += ["--openssl_ccs", "--reneg", "--robot", "--fallback"]
    command += [f"--{each}" for each in ("sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3")]
    if asked.protocol != "tls":
        command.append(f"--starttls={starttls(_STARTTLS, asked)}")
    text = output([*command, f"{asked.address}:{asked.port}"], 120)
    results = json.loads(written.read_text()) if written.exists() else {}
    if not results.get("server_scan_results") or not results["server_scan_results"][0]["scan_result"]:
        trace = (results.get("server_scan_results") or [{}])[0].get("connectivity_error_trace") or text
        raise NoResult(str(trace).strip().splitlines()[-1][:200] if str(trace).strip() else "printed nothing")
    whole = results["server_scan_results"][0]["scan_result"]
    done = {name: each["result"] for name, each in whole.items() if each["result"] is not None}
    found: dict[str, Value] = {}
    for key, version in _VERSIONS.items():
        if f"{key}_cipher_suites" in done:
            found |= _suites(version, done[f"{key}_cipher_suites"])
    keys = [
        each["ephemeral_key"]
        for name, result in done.items()
        if name.endswith("_cipher_suites") and not name.startswith("tls_1_3")
        for each in result["accepted_cipher_suites"]
    ]
    sizes = {str(each["size"]) for each in keys if each and each["type_name"] == "DH"}
    if sizes:
        found["dh-bits"] = members(sizes)
    found |= _flaws(done)
    curves = done.get("elliptic_curves") or {}
    if curves.get("supported_curves") and not (found.get(TLS_1_2) and found.get(TLS_1_3)):
        version = TLS_1_3 if found.get(TLS_1_3) else TLS_1_2
        can = [names.group(each["name"]) for each in (*curves["supported_curves"], *curves["rejected_curves"])]
        found[f"groups {version}"] = members((names.group(each["name"]) for each in curves["supported_curves"]), can)
    return found


def _suites(version: str, result: dict[str, Any]) -> dict[str, Value]:
    codes = names.suite_codes()
    accepted = [codes[each["cipher_suite"]["name"]] for each in result["accepted_cipher_suites"]]
    rejected = [codes.get(each["cipher_suite"]["name"], "?") for each in result["rejected_cipher_suites"]]
    found: dict[str, Value] = {version: result["is_tls_version_supported"]}
    if accepted:
        found[f"suites {version}"] = members(accepted, (*accepted, *rejected))
    return found


def _flaws(done: dict[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for command, key, name in (
        ("heartbleed", "is_vulnerable_to_heartbleed", "heartbleed"),
        ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", "ccs-injection"),
        ("tls_compression", "supports_compression", "crime"),
        ("tls_fallback_scsv", "supports_fallback_scsv", "fallback-scsv"),
        ("tls_1_3_early_data", "supports_early_data", "early-data"),
        ("tls_extended_master_secret", "supports_ems_extension", "extended-master-secret"),
    ):
        if command in done:
            found[name] = done[command][key]
    if "session_renegotiation" in done:
        found["insecure-renegotiation"] = not done["session_renegotiation"]["supports_secure_renegotiation"]
        # It calls vulnerable only who carries out ten in a row, which one late answer ends.
        found["client-renegotiation"] = done["session_renegotiation"]["client_renegotiations_success_count"] > 0
    verdict = done.get("robot", {}).get("robot_result", "")
    if verdict.startswith(("VULNERABLE", "NOT_VULNERABLE")):
        found["robot"] = verdict.startswith("VULNERABLE")
    deployments = (done.get("certificate_info") or {}).get("certificate_deployments", ())
    leaves = {digest(each["received_certificate_chain"][0]["as_pem"]) for each in deployments}
    if leaves:
        found["certificates"] = members(leaves, leaves)
    return found
