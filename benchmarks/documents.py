"""How the cost of reading a declaration grows: CPU time and memory of 20,000 systems as multiples of those of 1,000.

Each declaration is loaded in a process of its own, YAML and JSON lines in turn, so that the other load of the machine
affects all. The exit code is 1 above the bounds: 10 s of CPU time, 250 MiB, and a time per system that grows by half.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks import estate
from benchmarks.measured import run

FEW, MANY = 1_000, 20_000
MOST_SECONDS = 10.0
MOST_MEBIBYTES = 250
MOST_GROWTH = 1.5
LOAD = """
import sys
from pathlib import Path
from inspector.fleet.gc_tuning import reduced_gc
from inspector.declare import declaration
from inspector.registry.registry import installed
schemes = installed().schemes
with reduced_gc():
    if len(sys.argv) > 1:
        declaration.load(Path(sys.argv[1]), schemes)
"""


class Cost(NamedTuple):
    """What loading took, without the start of the process: seconds of CPU time; the whole process's MiB."""

    seconds: float
    mebibytes: float


def cost(file: Path, start: float) -> Cost:
    """The cost of loading a file."""
    seconds, mebibytes = run(sys.executable, "-c", LOAD, str(file))
    return Cost(seconds - start, mebibytes)


def main() -> int:
    """Print the costs and their ratios."""
    over = False
    with tempfile.TemporaryDirectory() as folder:
        for number in (FEW, MANY):
            estate.write(number, Path(folder) / str(number))
        start, _ = run(sys.executable, "-c", LOAD)
        for name in ("declaration.yaml", "declaration.jsonl"):
            few, many = (cost(Path(folder) / str(number) / name, start) for number in (FEW, MANY))
            growth = many.seconds / MANY / (few.seconds / FEW)
            over |= many.seconds > MOST_SECONDS or many.mebibytes > MOST_MEBIBYTES or growth > MOST_GROWTH
            sys.stdout.write(
                f"{name}: {FEW} systems {few.seconds:.2f} s, {few.mebibytes:.0f} MiB; {MANY} systems "
                f"{many.seconds:.2f} s, {many.mebibytes:.0f} MiB; time per system × {growth:.2f}\n"
            )
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
