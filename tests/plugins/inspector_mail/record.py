"""Records what the probe observes at a running server: ``python -m tests.plugins.inspector_mail.record NAME``.

Needs named. Names are as in ``mail/good``; ``--all`` records every one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from inspector import Observation
from inspector.testing import record
from inspector_mail.probes import mail
from tests.plugins.inspector_dns.scanning import see
from tests.plugins.inspector_mail.zones import serving

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
    )
} | {"servfail": "a.servfail.test"}


def recorders(server: int) -> dict[str, Callable[[], Observation]]:
    """By name, what records a mail domain of the server at this port."""
    return {f"mail/{name}": partial(see, mail, f"mail:{domain}", server) for name, domain in DOMAINS.items()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as port:
        record(FOLDER, recorders(port), sys.argv[1:])
