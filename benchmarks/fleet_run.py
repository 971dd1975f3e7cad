"""``inspector run`` with what a benchmark wants to know of its process, written to a file at its end.

``python -m benchmarks.fleet_run FILE ARGUMENTS…``
"""

from __future__ import annotations

import atexit
import gc
import json
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
_sockets = [0]
#: Resident memory (MiB) when each of the systems had ended.
_memory: list[int] = []


def _record() -> None:
    record = SystemAdmission.record_lag

    def noted(admission: SystemAdmission, seconds: float) -> None:
        _lags.append(seconds)
        record(admission, seconds)

    leave = SystemAdmission.leave

    def left(admission: SystemAdmission) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        _memory.append(pages * resource.getpagesize() // 2**20)
        leave(admission)

    changed: Any = SystemAdmission
    changed.record_lag = noted
    changed.leave = left


def _watch() -> None:
    while True:
        time.sleep(1)
        kinds = [_kind(each) for each in Path("/proc/self/fd").iterdir()]
        _files[0] = max(_files[0], len(kinds))
        _sockets[0] = max(_sockets[0], sum(each.startswith("socket:") for each in kinds))


def _kind(descriptor: Path) -> str:
    """What a descriptor is; "" where it was closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _write(file: Path, began: float) -> None:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    lags = sorted(_lags) or [0.0]
    result = {
        "wall": time.monotonic() - began,
        "cpu": own.ru_utime + own.ru_stime,
        "cpu_children": children.ru_utime + children.ru_stime,
        "memory": own.ru_maxrss // 1024,
        "memory_at": [_memory[len(_memory) * part // 100 - 1] for part in (10, 50, 100)] if len(_memory) >= 10 else [],
        "files": _files[0],
        "sockets": _sockets[0],
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
