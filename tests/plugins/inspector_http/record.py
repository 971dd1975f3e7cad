"""Records what the probe sees at running servers: ``python -m tests.plugins.inspector_http.record``.

Needs nginx. Rewrites ``recorded/*.json``.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from inspector import ScanOutput, SubjectKind, Target
from inspector.model.subject import subject_of
from inspector_http.observations import Http
from inspector_http.parsing import uri_of
from inspector_http.probes import http
from tests.plugins.inspector_http.webservers import answering, nginx
from tests.plugins.inspector_services.scanning import AUTHORISATION, read, scan, tcp
from tests.plugins.inspector_services.servers import own_address

FOLDER = Path(__file__).with_name("recorded")

SITES = {
    "good": "https://web.test:8443/",
    "bad": "https://web.test:8444/",
    "bare": "https://web.test:8445/",
    "elsewhere": "https://web.test:8446/",
    "to-https": "http://web.test:8080/",
    "clear": "http://web.test:8081/",
    "to-clear": "http://web.test:8082/",
    "https-without-tls": "https://web.test:8081/",
    "http-with-tls": "http://web.test:8443/",
    "closed": "http://web.test:8099/",
    "closed-https": "https://web.test:8099/",
}
HABITS = {
    "blocked": 9001,
    "challenge": 9002,
    "cookies": 9003,
    "escapes": 9005,
    "json": 9006,
    "login": 9007,
    "loop": 9009,
    "missing": 9010,
    "nonsense-redirect": 9011,
    "too-many": 9012,
    "two-locations": 9013,
    "unavailable": 9014,
    "endless-body": 9015,
}
SCENES = SITES | {name: f"http://web.test:{port}/" for name, port in HABITS.items()}


def page(url: str, address: str) -> Target:
    """A URL whose host is pinned to this address."""
    return Target(subject_of(uri_of(url), SubjectKind.URL, address=address), tcp())


def seen(url: str, address: str, **options: Any) -> tuple[ScanOutput, Http]:
    """One scan of a URL: the capture, and the facts in it."""
    target = page(url, address)
    output = scan(http, target, authorisation=AUTHORISATION, **options)
    return output, read(http, output, target)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack:
        place = own_address()
        stack.enter_context(nginx(place))
        stack.enter_context(answering(place, {port: habit for habit, port in HABITS.items()}))
        for name, url in SCENES.items():
            facts = seen(url, place)[1].model_dump(mode="json")
            text = json.dumps(facts, ensure_ascii=False, indent=1)
            (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
