"""The product, csp_evaluator and the HTTP Observatory of MDN: on content security policies, one in a header."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from inspector_http.csp import other_weaknesses, parse_policies, restricts_scripts, script_weaknesses
from tests.agreement.lab import node, policies

#: By directive: source lists that are compared one by one, for scripts and, where it says so, for the others.
_KEYWORDS = ("'self'", "'none'", "", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'", "'unsafe-hashes'")
_TRUSTED = ("'nonce-r4nd0mbytes'", "'sha256-hqBEA/HXB3aJU2FgOnYN8rkAgEVgyfi3Vs1j2/XMPBA='")
_HOSTS = (
    *(
        "*",
        "https:",
        "http:",
        "data:",
        "blob:",
        "https://*",
        "http://a.test",
        "https://a.test",
        "*.a.test",
        "a.test:8443",
    ),
    *("https://cdn.jsdelivr.net", "https://unpkg.com", "*.googleapis.com", "https://www.google.com/recaptcha/"),
    *("https://cdn.jsdelivr.net/npm/a@1.0.0/a.js", "https://cdn.jsdelivr.net:8443", "accounts.google.com"),
)
_SAFE = "object-src 'none'; base-uri 'none'"
POLICIES = (
    *(f"script-src {each}; {_SAFE}" for each in (*_KEYWORDS, *_TRUSTED, *_HOSTS)),
    *(f"default-src {each}" for each in ("'self'", "'none'", "'unsafe-inline'", "https:", "*", "data:")),
    *(
        f"script-src {trusted} {each}; {_SAFE}"
        for trusted in _TRUSTED
        for each in ("'unsafe-inline'", "https:", "'self'")
    ),
    *(
        f"script-src {trusted} 'strict-dynamic' {each}; {_SAFE}"
        for trusted in ("", *_TRUSTED)
        for each in ("'unsafe-inline' https:", "'unsafe-eval'", "data:", "https://cdn.jsdelivr.net")
    ),
    *(
        f"script-src 'self'; object-src {each}; base-uri 'none'"
        for each in ("'self'", "*", "https:", "data:", "a.test")
    ),
    *(f"script-src 'self'; object-src 'none'; base-uri {each}" for each in ("'self'", "*", "https:", "a.test")),
    *("script-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "upgrade-insecure-requests", "sandbox"),
    f"script-src 'self'; script-src-elem 'unsafe-inline'; {_SAFE}",
    f"script-src 'self'; script-src-attr 'unsafe-inline'; {_SAFE}",
    f"script-src 'self'; script-src 'unsafe-inline'; {_SAFE}",
    f"SCRIPT-SRC 'UNSAFE-INLINE'; {_SAFE}",
)
_SCRIPTS = ("script-src", "script-src-elem", "script-src-attr", "default-src")
_WEAK = {"SCRIPT_UNSAFE_INLINE", "SCRIPT_UNSAFE_EVAL", "PLAIN_URL_SCHEMES", "PLAIN_WILDCARD", "MISSING_DIRECTIVES"}
_WEAK |= {"SCRIPT_ALLOWLIST_BYPASS"}
#: The severity of a finding that its message states as a fact; others are possibilities.
_HIGH = 10

Fact = tuple[str, str, object, object]


@cache
def _theirs() -> list[tuple[list[dict[str, Any]], bool]]:
    """What both packages find about each policy."""
    command = [node("new"), Path(__file__).with_suffix(".mjs"), policies()]
    done = subprocess.run(command, input=json.dumps(POLICIES), capture_output=True, text=True, check=True)
    found: list[tuple[list[dict[str, Any]], bool]] = json.loads(done.stdout)
    return found


def _scripts_weak(policy: str) -> bool:
    parsed = parse_policies([policy])
    return not restricts_scripts(parsed) or bool(script_weaknesses(parsed))


def _weak(policy: str, directive: str) -> bool:
    return any(each.split()[0] in (directive, "default-src") for each in other_weaknesses(parse_policies([policy])))


def evaluator() -> Iterator[Fact]:
    """Each policy, what of it is judged, and whether the product and csp_evaluator find it weak."""
    for policy, (findings, _) in zip(POLICIES, _theirs(), strict=True):
        certain = [
            each
            for each in findings
            if each["type"] in _WEAK and (each["severity"] == _HIGH or each["type"] == "SCRIPT_UNSAFE_EVAL")
        ]
        weak = {each["directive"] for each in certain}
        yield policy, "scripts-weak", _scripts_weak(policy), any(each in weak for each in _SCRIPTS)
        if "default-src" not in policy:
            yield policy, "plugins-weak", _weak(policy, "object-src"), "object-src" in weak


def observatory() -> Iterator[Fact]:
    """The same of the Observatory, which judges scripts and plugins together."""
    for policy, (_, passes) in zip(POLICIES, _theirs(), strict=True):
        yield policy, "scripts-or-plugins-weak", _scripts_weak(policy) or _weak(policy, "object-src"), not passes
