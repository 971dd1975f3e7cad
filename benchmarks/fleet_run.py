"""``inspector run`` with what a benchmark wants to know of its process, written to a file at its end.

``python -m benchmarks.fleet_run FILE ARGUMENTS…``
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from inspector.cli import main
from inspector.fleet.admission import SystemAdmission

_lags: list[float] = []
_files = [0]
_memory: list[tuple[float, int]] = []
_pauses: list[float] = []


def _record() -> None:
    record = SystemAdmission.record_lag

    def noted(admission: SystemAdmission, seconds: float) -> None:
        _lags.append(seconds)
        record(admission, seconds)

    changed: Any = SystemAdmission
    changed.record_lag = noted


def _watch() -> None:
    while True:
        time.sleep(1)
        _files[0] = max(_files[0], len(os.listdir("/proc/self/fd")))  # noqa: PTH208  (numbers are wanted)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        _memory.append((time.monotonic(), pages * resource.getpagesize() // 2**20))


def _write(file: Path, began: float) -> None:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    lags = sorted(_lags) or [0.0]
    result = {
        "wall": time.monotonic() - began,
        "cpu": own.ru_utime + own.ru_stime,
        "cpu_children": children.ru_utime + children.ru_stime,
        "memory": own.ru_maxrss // 1024,
        "memory_over_time": [each for _, each in _memory[:: max(1, len(_memory) // 20)]],
        "files": _files[0],
        "lag_p50": lags[len(lags) // 2],
        "lag_p99": lags[len(lags) * 99 // 100],
    }
    file.write_text(json.dumps(result))


if __name__ == "__main__":
    _record()
    threading.Thread(target=_watch, name="worker starter watch", daemon=True).start()
    atexit.register(_write, Path(sys.argv[1]), time.monotonic())
    gc.collect()
    main(sys.argv[2:])
