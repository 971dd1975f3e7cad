"""Records what the probe observes at running servers: ``python -m tests.plugins.inspector_http.record NAME``.

Needs nginx and Apache httpd. Each name, as in ``http/good``, has a server of its own; ``--all`` records every one.
"""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from inspector import Answer, Observation, ScanOutput, SubjectKind, Target
from inspector.model.subject import subject_of
from inspector.testing import record
from inspector_http.cross_origin import cross_origin
from inspector_http.exposure import exposure
from inspector_http.observations import CrossOrigin, ErrorPage, Exposure, Header, Http, SecurityTxt
from inspector_http.probes import http, security_txt
from inspector_http.urls import uri_of
from tests.plugins.inspector_http.served_pages import PAGES
from tests.plugins.inspector_http.webservers import answering, apache, nginx, root
from tests.plugins.inspector_services.scanning import AUTHORISATION, INTRUSIVE, read, scan, tcp
from tests.plugins.inspector_services.servers import own_address

FOLDER = Path(__file__).parent

#: Sites of nginx.
SITES = {
    "good": "https://web.test:8443/",
    "bad": "https://web.test:8444/",
    "bare": "https://web.test:8445/",
    "elsewhere": "https://web.test:8446/",
    "csrf-cookies": "https://web.test:8455/",
    "csp-unsafe": "https://web.test:8456/",
    "csp-strict": "https://web.test:8457/",
    "csp-report-only": "https://web.test:8458/",
    "csp-meta": "https://web.test:8475/",
    "csp-several": "https://web.test:8459/",
    "ignored-headers": "https://web.test:8474/",
    "error-https": "https://web.test:8449/",
    "certificate-expired": "https://web.test:8450/",
    "certificate-other-name": "https://web.test:8451/",
    "certificate-unknown-issuer": "https://web.test:8452/",
    "certificate-unknown-issuer-expired": "https://web.test:8453/",
    "certificate-not-yet-valid": "https://web.test:8454/",
    "shared": "https://web.test:8476/",
    "public": "https://web.test:8477/",
    "cookie-reach": "https://test.web.test:8479/",
    "back-to-http": "https://web.test:8480/",
    "http2": "https://web.test:8481/",
    "http2-differs": "https://web.test:8482/",
    "identity-provider": "https://web.test:8483/",
    "client-certificate": "https://web.test:8484/",
    "maintenance": "https://web.test:8485/",
    "in-two-steps": "http://web.test:8083/",
    "to-https": "http://web.test:8080/",
    "clear": "http://web.test:8081/",
    "to-clear": "http://web.test:8082/",
    "https-without-tls": "https://web.test:8081/",
    "http-with-tls": "http://web.test:8443/",
    "closed": "http://web.test:8099/",
    "closed-https": "https://web.test:8099/",
    **{f"page-{name}": f"https://web.test:8490/{name}/" for name in PAGES},
    **{f"page-{name}": f"https://web.test:8490/{name}/" for name in ("listing", "broken", "cached", "private")},
    "page-login-own-http": "http://web.test:8491/login-own/",
}
#: Sites of nginx by their ``security.txt``.
SECURITY_SITES = {
    "valid": 8460,
    "absent": 8461,
    "soft-404": 8462,
    "expired": 8463,
    "elsewhere": 8464,
    "signed": 8465,
    "binary": 8466,
    "moved": 8467,
    "long": 8468,
    "unreadable": 8469,
    "of-another": 8470,
    "forbidden": 8471,
    "bare-address": 8472,
    "latin-1": 8473,
}
#: The instant at which they are recorded.
RECORDED_AT = datetime(2026, 11, 29, tzinfo=UTC)
#: Apache httpd by what it tells of its version.
APACHES = {"apache": "OS", "apache-minimal": "Min"}
#: Behaviours of the scripted server.
HABITS = (
    "backup-login",
    "blocked",
    "challenge",
    "challenge-page",
    "firewall-page",
    "network-log-in",
    "cookies",
    "cookie-loop",
    "endless-body",
    "error-shows",
    "escapes",
    "hypervisor-login",
    "ignored-cookies",
    "json",
    "login",
    "loop",
    "malformed",
    "nameless-cookies",
    "missing",
    "nonsense-redirect",
    "old-apache",
    "too-many",
    "two-locations",
    "unavailable",
    "utf8-redirect",
    "vpn-login",
)
#: Sites of nginx by how they share replies with other origins, and by what they give away.
ORIGIN_SITES = ("good", "shared", "public")
EXPOSED_SITES = {"good": 8443, "exposed": 8478}
#: Header values that differ from run to run or from machine to machine, and what is recorded in their place.
VOLATILE = {
    "date": ((r".*", "Thu, 01 Jan 1970 00:00:00 GMT"),),
    "server": ((r"nginx/[\d.]+", "nginx/1.22.1"), (r"Apache/2\.4\.[5-9]\d(| \(Debian\))", r"Apache/2.4.66\1")),
    "last-modified": ((r".*", "Thu, 01 Jan 1970 00:00:00 GMT"),),
    "etag": ((r".*", '"0"'),),
    "content-security-policy": ((r"(.*'nonce-)[^']+('.*)", r"\1x0123456789ab\2"),),
}


def page(url: str, address: str) -> Target:
    """A URL whose host is pinned to this address."""
    return Target(subject_of(uri_of(url), SubjectKind.URL, address=address), tcp())


def seen(url: str, address: str, **options: Any) -> tuple[ScanOutput, Http]:
    """One probe run against a URL: the capture, and the facts in it."""
    target = page(url, address)
    output = scan(http, target, authorisation=AUTHORISATION, roots=root(), **options)
    return output, read(http, output, target)


def security_file(port: int, address: str) -> tuple[ScanOutput, SecurityTxt]:
    """One run of the probe of ``security.txt``: the capture, and the facts in it."""
    target = Target(subject_of(uri_of(f"https://web.test:{port}/"), SubjectKind.ADDRESS, address=address), tcp())
    output = scan(security_txt, target, authorisation=AUTHORISATION, roots=root())
    return output, read(security_txt, output, target).model_copy(update={"seen_at": RECORDED_AT})


def security_site(name: str) -> SecurityTxt:
    """The observation of a site of nginx."""
    address = own_address()
    with nginx(address):
        return security_file(SECURITY_SITES[name], address)[1]


def site(name: str) -> Http:
    """The observation of a site of nginx."""
    address = own_address()
    with nginx(address):
        return stable(seen(SITES[name], address)[1])


def apache_site(tokens: str) -> Http:
    """The observation of an Apache httpd."""
    address = own_address()
    with apache(address, 8090, tokens):
        return stable(seen("http://web.test:8090/", address)[1])


def apache_listing() -> Http:
    """The observation of a folder that Apache httpd lists."""
    address = own_address()
    with apache(address, 8090, "Prod"):
        return stable(seen("http://web.test:8090/listing/", address)[1])


def scripted(habit: str) -> Http:
    """The observation of a scripted server with this behaviour."""
    address = own_address()
    with answering(address, {9000: habit}):
        return stable(seen("http://web.test:9000/", address)[1])


def origins(url: str, address: str) -> tuple[ScanOutput, CrossOrigin]:
    """One run of the probe of other origins: the capture, and the facts in it."""
    target = page(url, address)
    output = scan(
        cross_origin, target, seen(url, address)[1], authorisation=AUTHORISATION, roots=root(), preflight=True
    )
    return output, read(cross_origin, output, target)


def origin_site(name: str) -> CrossOrigin:
    """The observation of a site of nginx."""
    address = own_address()
    with nginx(address):
        return origins(SITES[name], address)[1]


def exposed(url: str, address: str, **options: Any) -> tuple[ScanOutput, Exposure]:
    """One run of the probe of exposed paths: the capture, and the facts in it."""
    target = Target(subject_of(uri_of(url), SubjectKind.ADDRESS, address=address), tcp())
    output = scan(exposure, target, authorisation=INTRUSIVE, roots=root(), **options)
    return output, read(exposure, output, target)


def exposed_site(name: str) -> Exposure:
    """The observation of a site of nginx."""
    address = own_address()
    with nginx(address):
        return exposed(f"https://web.test:{EXPOSED_SITES[name]}/", address)[1]


def exposed_apache() -> Exposure:
    """The observation of an Apache httpd as it is by default."""
    address = own_address()
    with apache(address, 8090, "Min"):
        return exposed("http://web.test:8090/", address)[1]


def stable(facts: Http) -> Http:
    """The facts without what differs from run to run, so that an unchanged server gives an unchanged recording."""
    update: dict[str, object] = {"received_headers": tuple(map(_stable, facts.received_headers))}
    if facts.headers.is_seen:
        update["headers"] = Answer[tuple[Header, ...]](seen=tuple(map(_stable, facts.headers.value)))
    if (page := facts.error_page.seen) is not None:
        products = tuple(map(_stable, page.products))
        update["error_page"] = Answer[ErrorPage](seen=page.model_copy(update={"products": products}))
    return facts.model_copy(update=update)


def _stable(header: Header) -> Header:
    value = header.value
    for pattern, replacement in VOLATILE.get(header.name, ()):
        value = re.sub(rf"\A{pattern}\Z", replacement, value)
    return header.model_copy(update={"value": value})


RECORDERS: dict[str, Callable[[], Observation]] = {
    **{f"http/{name}": partial(site, name) for name in SITES},
    **{f"http/{name}": partial(apache_site, tokens) for name, tokens in APACHES.items()},
    "http/apache-listing": apache_listing,
    **{f"http/{habit}": partial(scripted, habit) for habit in HABITS},
    **{f"security-txt/{name}": partial(security_site, name) for name in SECURITY_SITES},
    **{f"cross-origin/{name}": partial(origin_site, name) for name in ORIGIN_SITES},
    **{f"exposure/{name}": partial(exposed_site, name) for name in EXPOSED_SITES},
    "exposure/apache": exposed_apache,
}

if __name__ == "__main__":
    record(FOLDER, RECORDERS, sys.argv[1:])
