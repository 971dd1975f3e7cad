"""How often the cyclic garbage collector runs during an inspection, in this process and in those that assess.

Only young objects are looked at; a run over many systems collects everything once in a hundred systems. Cycles that
every connection would create are broken explicitly. The library leaves the collector alone.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: How many collections of a younger generation come before one of an older one.
_NEVER = 2**30
#: After how many systems all garbage is collected; what was garbage soon was collected soon.
COLLECT_AFTER = 100


def reduce_gc() -> None:
    """From now on the cyclic garbage collector looks at young objects only, and at none that exist now.

    A collection over all evidence in memory frees next to nothing and blocks the event loop for tenths of a second.
    The thresholds are those of the whole interpreter, so only the owner of the process may change them.
    """
    gc.freeze()
    gc.set_threshold(10_000, _NEVER, _NEVER)


@contextmanager
def reduced_gc() -> Iterator[None]:
    """Within the body the collector is reduced."""
    before = gc.get_threshold()
    reduce_gc()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
