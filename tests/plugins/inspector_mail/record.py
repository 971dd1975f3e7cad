"""Records what the probe observes at a running server: ``python -m tests.plugins.inspector_mail.record NAME``.

Needs named. Names are as in ``mail/good``; ``--all`` records every one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from inspector import Declared, Observation
from inspector.declare.settings import Settings
from inspector.testing import record, run_probe
from inspector_mail.observations import Dkim
from inspector_mail.probes import dkim, mail
from tests.plugins.inspector_dns.scanning import see
from tests.plugins.inspector_mail.zones import DKIM, serving

FOLDER = Path(__file__).parent
DOMAINS = {
    name: f"{name}.mail.test"
    for name in (
        "good",
        "nomail",
        "bare",
        "double",
        "malformed",
        "loop",
        "everyone",
        "hidden",
        "soft",
        "neutral",
        "redirected",
        "unseen",
        "watched",
        "testing",
        "noreports",
        "a.org",
        "nobody.org",
        "halftest",
        "late",
        "wide6",
        "always",
        "undecided",
        "fours",
        "big",
        "viaptr",
        "after",
        "unusedmx",
        "narrow6",
        "listed",
        "org",
        "openbelow",
        "oldtags",
        "badtags",
        "byhttp",
        "outside",
        "allowed",
        "unsure",
        "hollow",
        "silent",
        "mxalias",
        "mxnowhere",
        "mxaddress",
        "mxtwice",
        "mxprivate",
        "mxunseen",
        "logo",
        "plainlogo",
        "nologo",
    )
} | {"servfail": "a.servfail.test"}
#: The DKIM selectors that are declared of a domain.
SELECTORS = {
    **{selector: ("dkim", (selector,)) for selector in DKIM if selector not in ("edwards", "long", "mail")},
    "missing": ("dkim", ("long", "none")),
    "several": ("dkimtwice", ("short",)),
    "all": ("dkim", ("edwards", "long", "mail")),
    "undeclared": ("dkim", ()),
    "any": ("dkimany", ()),
    "bare": ("bare", ()),
}


def keys(name: str, server: int) -> Dkim:
    """What is observed of a domain with these declared selectors."""
    domain, selectors = SELECTORS[name]
    settings = Settings(resolvers=(f"127.0.0.1:{server}",))
    return run_probe(dkim, f"mail:{domain}.mail.test", declared=Declared(selectors=selectors), settings=settings).seen(
        Dkim
    )


def recorders(server: int) -> dict[str, Callable[[], Observation]]:
    """By name, what records a mail domain of the server at this port."""
    found = {f"mail/{name}": partial(see, mail, f"mail:{domain}", server) for name, domain in DOMAINS.items()}
    return found | {f"dkim/{name}": partial(keys, name, server) for name in SELECTORS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as port:
        record(FOLDER, recorders(port), sys.argv[1:])
