"""When the collector of cyclic garbage runs while much is kept in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Within the body, cyclic garbage is looked for seldom, and not among what was there before.

    A pass over all the evidence in memory finds next to nothing, and stops the event loop for tenths of a second. It is
    for whoever owns the process: the setting is the interpreter's.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
