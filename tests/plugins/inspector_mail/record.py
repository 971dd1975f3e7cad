"""Record the observations in ``recorded/`` from a running server: ``python -m tests.plugins.inspector_mail.record``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from inspector_mail.probes import mail
from tests.plugins.inspector_dns.cases import write
from tests.plugins.inspector_dns.scanning import read, scan, subject
from tests.plugins.inspector_mail.zones import serving

HERE = Path(__file__).parent
DOMAINS = [
    "good",
    "nomail",
    "bare",
    "double",
    "malformed",
    "loop",
    "hidden",
    "soft",
    "neutral",
    "redirected",
    "unseen",
    "watched",
    "testing",
    "noreports",
    "a.org",
]


def record(server: int) -> None:
    """Look at everything that a case is about."""
    for domain, name in [*((f"{name}.mail.test", name) for name in DOMAINS), ("a.servfail.test", "servfail")]:
        about = subject(mail, f"mail:{domain}")
        write(HERE, f"mail-{name}", read(mail, scan(mail, about, server), about))


if __name__ == "__main__":
    (HERE / "recorded").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as port:
        record(port)
