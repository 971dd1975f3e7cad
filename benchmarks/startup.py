"""The cost of starting: CPU time of ``inspector --help`` as a multiple of a bare ``import argparse, pluggy``.

Both are measured in turn, so that the other load of the machine affects both. The exit code is 1 above ``MOST``.
"""

import resource
import statistics
import subprocess
import sys

ROUNDS = 21
MOST = 4.0
BARE = (sys.executable, "-c", "import argparse, pluggy")
HELP = (sys.executable, "-m", "inspector.cli", "--help")


def _spent() -> float:
    """Seconds of CPU time that child processes used so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_seconds(command: tuple[str, ...]) -> float:
    """The CPU time of one process."""
    before = _spent()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return _spent() - before


def main() -> int:
    """Print the ratio of medians."""
    rounds = [(cpu_seconds(BARE), cpu_seconds(HELP)) for _ in range(ROUNDS)]
    bare, helped = (statistics.median(each) for each in zip(*rounds, strict=True))
    ratio = helped / bare
    sys.stdout.write(f"bare {bare * 1000:.0f} ms, --help {helped * 1000:.0f} ms: {ratio:.1f} × (at most {MOST:.0f})\n")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
