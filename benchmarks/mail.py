"""Mail domains a minute beside checkdmarc: ``python -m benchmarks.mail [COUNT]``. Nothing here is a test.

Both read the DNS records of the same domains of the private internet of the tests, in turn, by its resolver: Inspector
as one run over systems of ``DOMAINS_EACH`` domains, with everything that it writes, checkdmarc as one process without
its TLS tests. Then Inspector does so for twice as many, which shows whether its memory grows. Needs root, the lab, and
what the tests of the private internet need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.agreement.lab import corpora_python
from tests.line.harness import Line, authorisation, document, system
from tests.plugins.inspector_mail.internet import (
    RESOLVER,
    MailInternet,
    PlantedDomain,
    mail_internet,
)

COUNT, DOMAINS_EACH = 300, 20
#: Questions a second to the resolver, which is the lab's own: more than are asked. The default is 100.
RESOLVER_QUESTIONS_PER_SECOND = 2000
#: The checks that DNS records alone decide.
CHECKS = ("spf-published", "dmarc-published", "dkim-keys-valid", "mx-records-sound", "tls-reporting-usable")

_CHECKDMARC = """
import json, sys
import dns.resolver
from checkdmarc import check_domains
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
found = check_domains(json.load(sys.stdin), skip_tls=True, resolver=resolver)
assert all(each["spf"]["valid"] and each["dmarc"]["valid"] for each in found)
"""


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    domains = [PlantedDomain(f"d{number:05}.vn", spf="v=spf1 mx include:d00000.vn -all") for number in range(2 * count)]
    domains[0] = PlantedDomain("d00000.vn", spf="v=spf1 ip4:11.2.0.0/24 -all")
    with mail_internet(domains) as internet, tempfile.TemporaryDirectory() as folder:
        rows = [_checkdmarc(internet, domains[:count])]
        rows += [_inspector(internet, domains[:number], Path(folder) / str(number)) for number in (count, 2 * count)]
    sys.stdout.write("\n".join(_table(rows)) + f"\nload {os.getloadavg()[0]:.1f}\n")


#: Tool, domains, seconds, seconds of processor time, MiB.
Row = tuple[str, int, float, float, float]


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "tool | domains | wall s | domains/min | CPU ms per domain | MiB"
    for tool, count, wall, cpu, mib in rows:
        yield f"{tool} | {count} | {wall:.1f} | {60 * count / wall:.0f} | {1000 * cpu / count:.0f} | {mib:.0f}"


def _checkdmarc(internet: MailInternet, domains: Sequence[PlantedDomain]) -> Row:
    command = [*internet.wrap, str(corpora_python()), "-I", "-c", _CHECKDMARC, RESOLVER]
    with tempfile.TemporaryFile("w+") as names:
        json.dump([each.name for each in domains], names)
        names.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=names, text=True)
    return ("checkdmarc", len(domains), *_ended(process, began))


def _inspector(internet: MailInternet, domains: Sequence[PlantedDomain], folder: Path) -> Row:
    folder.mkdir()
    line = Line(folder)
    systems = [
        system(
            *(f"mail:{each.name}" for each in domains[start : start + DOMAINS_EACH]),
            id=f"s{start}",
            dkim_selectors={each.name: ["mail"] for each in domains[start : start + DOMAINS_EACH]},
        )
        for start in range(0, len(domains), DOMAINS_EACH)
    ]
    content = {"organisation": {"code": "T-1", "name": "T"}, "systems": systems}
    declaration = document(folder / "declaration.yaml", content)
    granted = document(
        folder / "authorisation.yaml", authorisation(covers={"names": ["*.vn"], "blocks": ["11.0.0.0/8"]})
    )
    only = [word for check in CHECKS for word in ("--only", check)]
    began = time.monotonic()
    output = line.new_output()
    process = line.start(
        *("run", declaration, "-a", granted, *only),
        output=output,
        wrap=internet.wrap,
        env={"INSPECTOR_RESOLVER_QUESTIONS_PER_SECOND": str(RESOLVER_QUESTIONS_PER_SECOND)},
        resolvers=[RESOLVER],
    )
    return ("inspector", len(domains), *_ended(process, began))


def _ended(process: subprocess.Popen[str], began: float) -> tuple[float, float, float]:
    """Seconds, seconds of processor time and MiB of a process, that of its children included; raises RuntimeError."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 3):
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
