"""The product and the HTTP Observatory of MDN on the configurations of web servers with planted defects."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from inspector import Outcome, Verdict
from inspector_http.pages import meta_policies
from tests.agreement.lab import node, policies
from tests.plugins.inspector_http.configurations.inspection import inspect
from tests.plugins.inspector_http.configurations.model import Configuration, configurations
from tests.plugins.inspector_http.configurations.servers import serving
from tests.plugins.inspector_http.webservers import root
from tests.plugins.inspector_services.servers import own_address

#: By test of the Observatory: the checks that together judge the same.
SAME = {
    "cookies": ("cookies-flagged",),
    "cross-origin-resource-sharing": ("cors-shares-no-sessions",),
    "cross-origin-resource-policy": ("cross-origin-headers-valid",),
    "content-security-policy": ("csp-set", "csp-restricts-scripts"),
    "referrer-policy": ("referrer-policy-set",),
    "strict-transport-security": ("hsts-set",),
    "x-content-type-options": ("content-type-nosniff",),
    "x-frame-options": ("framing-restricted",),
    "redirection": ("http-redirects-to-https", "http-redirects-directly"),
}
_ORIGIN = "https://http-observatory.security.mozilla.org"
_REDIRECTS = 5

Fact = tuple[str, str, object, object]


def observatory() -> Iterator[Fact]:
    """Each configuration, what of it is judged, and whether the product and the Observatory let it pass.

    Where the product says that it could not see the page, its answer is ``inconclusive``.
    """
    every = [each for each in configurations() if each.server != "raw"]
    folder, address = policies(), own_address()
    with serving(every, address):
        verdicts = inspect(every, address)
        sites = [_site(each, address) for each in every]
    command = [node("new"), Path(__file__).with_suffix(".mjs"), folder]
    done = subprocess.run(command, input=json.dumps(sites), capture_output=True, text=True, check=True)
    for configuration, judged in zip(every, json.loads(done.stdout), strict=True):
        for test, passes in judged.items():
            yield configuration.id, test, _passes(verdicts[configuration.id], SAME[test]), passes


def _passes(verdicts: dict[str, Verdict], checks: tuple[str, ...]) -> bool | str:
    outcomes = {verdicts[each].outcome for each in checks}
    if Outcome.FAIL in outcomes:
        return False
    return "inconclusive" if Outcome.INCONCLUSIVE in outcomes else True


def _site(configuration: Configuration, address: str) -> dict[str, Any]:
    """What a client gets: along the redirects on the same service, and for a preflight."""
    steps: list[dict[str, Any]] = []
    url, body = configuration.url, b""
    while url and len(steps) <= _REDIRECTS and urlsplit(url)[:2] == urlsplit(configuration.url)[:2]:
        status, headers, body = _exchange(configuration, address, "GET", url, {})
        steps.append({"url": url, "status": status, "headers": headers})
        location = next((value for name, value in headers if name.lower() == "location"), "")
        url = urljoin(url, location) if location else ""
    asked = {"Origin": _ORIGIN, "Access-Control-Request-Method": "GET"}
    return {
        "scheme": configuration.entry.scheme,
        "verified": _is_verified(configuration, address),
        "steps": steps,
        "redirect": url,
        "policies": meta_policies(body, is_whole=True) or (),
        "cors": _exchange(configuration, address, "OPTIONS", steps[-1]["url"], asked)[1],
        "origin": _ORIGIN,
    }


def _exchange(
    configuration: Configuration, address: str, method: str, url: str, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = _connection(configuration, address)
    try:
        connection.request(method, urlsplit(url).path, headers={"Host": urlsplit(url).netloc, **headers})
        reply = connection.getresponse()
        return reply.status, reply.getheaders(), reply.read()
    finally:
        connection.close()


def _connection(configuration: Configuration, address: str) -> HTTPConnection:
    if configuration.entry.scheme == "http":
        return HTTPConnection(address, configuration.port, timeout=20)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(address, configuration.port, timeout=20, context=context)


def _is_verified(configuration: Configuration, address: str) -> bool:
    """Whether OpenSSL accepts the certificate."""
    if configuration.entry.scheme == "http":
        return True
    with tempfile.NamedTemporaryFile() as trusted:
        trusted.write(root())
        trusted.flush()
        command = ["openssl", "s_client", "-connect", f"{address}:{configuration.port}", "-CAfile", trusted.name]
        command += ["-verify_hostname", "web.test", "-servername", "web.test"]
        shown = subprocess.run(command, input="", capture_output=True, text=True, check=False).stdout
    return re.search(r"Verify return code: 0 ", shown) is not None
