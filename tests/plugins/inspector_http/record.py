"""Records what the probe observes at running servers: ``python -m tests.plugins.inspector_http.record NAME``.

Needs nginx. Each name, as in ``http/good``, has a server of its own; ``--all`` records every one.
"""

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from inspector import Answer, ScanOutput, SubjectKind, Target
from inspector.model.subject import subject_of
from inspector.testing import record
from inspector_http.observations import Header, Http
from inspector_http.probes import http
from inspector_http.urls import uri_of
from tests.plugins.inspector_http.webservers import answering, nginx, root
from tests.plugins.inspector_services.scanning import AUTHORISATION, read, scan, tcp
from tests.plugins.inspector_services.servers import own_address

FOLDER = Path(__file__).parent

#: Sites of nginx.
SITES = {
    "good": "https://web.test:8443/",
    "bad": "https://web.test:8444/",
    "bare": "https://web.test:8445/",
    "elsewhere": "https://web.test:8446/",
    "error-https": "https://web.test:8449/",
    "certificate-expired": "https://web.test:8450/",
    "certificate-other-name": "https://web.test:8451/",
    "certificate-unknown-issuer": "https://web.test:8452/",
    "certificate-unknown-issuer-expired": "https://web.test:8453/",
    "certificate-not-yet-valid": "https://web.test:8454/",
    "to-https": "http://web.test:8080/",
    "clear": "http://web.test:8081/",
    "to-clear": "http://web.test:8082/",
    "https-without-tls": "https://web.test:8081/",
    "http-with-tls": "http://web.test:8443/",
    "closed": "http://web.test:8099/",
    "closed-https": "https://web.test:8099/",
}
#: Behaviours of the scripted server.
HABITS = (
    "blocked",
    "challenge",
    "cookies",
    "cookie-loop",
    "endless-body",
    "error-shows",
    "escapes",
    "ignored-cookies",
    "json",
    "login",
    "loop",
    "malformed",
    "missing",
    "nonsense-redirect",
    "too-many",
    "two-locations",
    "unavailable",
    "utf8-redirect",
)
#: Header values that differ from run to run or from machine to machine, and what is recorded in their place.
VOLATILE = {"date": (r".*", "Thu, 01 Jan 1970 00:00:00 GMT"), "server": (r"nginx/[\d.]+", "nginx/1.22.1")}


def page(url: str, address: str) -> Target:
    """A URL whose host is pinned to this address."""
    return Target(subject_of(uri_of(url), SubjectKind.URL, address=address), tcp())


def seen(url: str, address: str, **options: Any) -> tuple[ScanOutput, Http]:
    """One probe run against a URL: the capture, and the facts in it."""
    target = page(url, address)
    output = scan(http, target, authorisation=AUTHORISATION, roots=root(), **options)
    return output, read(http, output, target)


def site(name: str) -> Http:
    """The observation of a site of nginx."""
    address = own_address()
    with nginx(address):
        return stable(seen(SITES[name], address)[1])


def scripted(habit: str) -> Http:
    """The observation of a scripted server with this behaviour."""
    address = own_address()
    with answering(address, {9000: habit}):
        return stable(seen("http://web.test:9000/", address)[1])


def stable(facts: Http) -> Http:
    """The facts without what differs from run to run, so that an unchanged server gives an unchanged recording."""
    update: dict[str, object] = {"received_headers": tuple(map(_stable, facts.received_headers))}
    if facts.headers.is_seen:
        update["headers"] = Answer[tuple[Header, ...]](seen=tuple(map(_stable, facts.headers.value)))
    return facts.model_copy(update=update)


def _stable(header: Header) -> Header:
    pattern, replacement = VOLATILE.get(header.name, (r"(?!)", ""))
    return header.model_copy(update={"value": re.sub(rf"\A{pattern}\Z", replacement, header.value)})


RECORDERS = {f"http/{name}": partial(site, name) for name in SITES} | {
    f"http/{habit}": partial(scripted, habit) for habit in HABITS
}

if __name__ == "__main__":
    record(FOLDER, RECORDERS, sys.argv[1:])
