"""How the cost of planning grows: CPU time of ``inspector plan`` for 1,000 systems as a multiple of that for 100.

The exit code is 1 above 10 s for 1,000 systems, or where a system costs half as much again among many.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import estate
from benchmarks.measured import run

ONE, FEW, MANY = 1, 100, 1_000
MOST_SECONDS = 10.0
MOST_GROWTH = 1.5


def cost(number: int, folder: Path) -> tuple[float, float]:
    """Seconds of CPU time, and MiB, of planning this many systems."""
    estate.write(number, folder)
    documents = (str(folder / "declaration.yaml"), "--authorisation", str(folder / "authorisation.yaml"))
    return run(sys.executable, "-m", "inspector.cli", "plan", *documents)


def main() -> int:
    """Print the costs and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        (start, _), (few, least), (many, most) = (cost(each, Path(folder) / str(each)) for each in (ONE, FEW, MANY))
    growth = (many - start) / (MANY - ONE) / ((few - start) / (FEW - ONE))
    sys.stdout.write(
        f"plan: 1 system {start:.2f} s, {FEW} systems {few:.2f} s, {least:.0f} MiB; {MANY} systems {many:.2f} s, "
        f"{most:.0f} MiB; time per system × {growth:.2f}\n"
    )
    return int(many > MOST_SECONDS or growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
