"""The full run: every tool about every server. ``python -m tests.agreement [--only NAME] [--tools A,B] [--write]``."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import Future
from typing import TextIO

from tests.agreement.comparison import SOURCES, Examination, explanations, faults
from tests.agreement.environment import Missing
from tests.agreement.matrix import matrix
from tests.agreement.page import PAGE, write
from tests.agreement.servers import REDUCED, SERVERS
from tests.agreement.workers import examining

BEGIN, END = "<!-- matrix: written by make agreement -->\n", "<!-- end of matrix -->\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.agreement", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="servers whose name holds this; may be repeated")
    parser.add_argument("--tools", default=",".join(SOURCES), help="sources to hear, with commas in between")
    parser.add_argument("--reduced", action="store_true", help="the servers of the reduced run only")
    parser.add_argument("--jobs", type=int, default=3, help="servers at a time")
    parser.add_argument("--write", action="store_true", help=f"write the matrix into {PAGE.name}")
    return parser.parse_args()


def main() -> int:
    """Print the matrix; 1 when something is not explained."""
    wanted = _arguments()
    sources = [each for each in SOURCES if each in wanted.tools.split(",")]
    servers = [
        server
        for server in (REDUCED if wanted.reduced else SERVERS)
        if not wanted.only or any(part in server.name for part in wanted.only)
    ]
    began = time.monotonic()
    with examining(servers, sources, wanted.jobs) as examined:
        found = [each for name, future in examined.items() if (each := _report(name, future))]
    explained = explanations()
    text = matrix(found, sources, explained)
    _print(text)
    wrong = [fault for each in found for fault in faults(each, explained)]
    _print(*wrong)
    missing = len(servers) - len(found)
    _print(f"{len(found)} servers, {missing} missing, {len(wrong)} faults, {time.monotonic() - began:.0f} s")
    if wanted.write:
        write(text, BEGIN, END)
    return 1 if wrong or missing else 0


def _print(*lines: str, to: TextIO = sys.stdout) -> None:
    to.writelines(f"{line}\n" for line in lines)
    to.flush()


def _report(name: str, future: Future[Examination]) -> Examination | None:
    """An examination when it is over; None where the server could not be started."""
    try:
        found = future.result()
    except (Missing, RuntimeError) as why:
        _print(f"{name}: {why}", to=sys.stderr)
        return None
    _print(f"{name}: {len(found.disagreements)} disagreements", to=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
