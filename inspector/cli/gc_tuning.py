"""How often the cyclic garbage collector runs during an inspection.

A full collection runs after each system. Cycles that every connection would create are broken explicitly. A plugin that
creates many cycles keeps their memory until the system is finished. The library leaves the collector alone.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reduced_gc() -> Iterator[None]:
    """Within the body the cyclic garbage collector runs rarely, and skips the objects that existed before.

    A full collection over all evidence in memory frees next to nothing and blocks the event loop for tenths of a
    second. The thresholds are those of the whole interpreter, so only the owner of the process may change them.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
