"""The one door to the network: scope, pinned addresses, courtesy budget, ledger, audit guard.

Nothing else in Inspector opens a socket or starts a scanner. The names below are loaded when first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.network.budget import pace_seconds, sweep_seconds
    from inspector.network.door import Door
    from inspector.network.isolation import isolate
    from inspector.network.ledger import Ledger
    from inspector.network.network import Ending, Identity, Network, Stream
    from inspector.network.pins import pin, routable
    from inspector.network.scope import Scope

#: httpx imports its own command line where it can, and with it rich, click and pygments: half of what it costs.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None makes the import fail, as where click is missing

_HOME = {
    "Door": "inspector.network.door",
    "Ending": "inspector.network.network",
    "Identity": "inspector.network.network",
    "Ledger": "inspector.network.ledger",
    "Network": "inspector.network.network",
    "Scope": "inspector.network.scope",
    "Stream": "inspector.network.network",
    "isolate": "inspector.network.isolation",
    "pace_seconds": "inspector.network.budget",
    "pin": "inspector.network.pins",
    "routable": "inspector.network.pins",
    "sweep_seconds": "inspector.network.budget",
}

__all__ = [
    "Door",
    "Ending",
    "Identity",
    "Ledger",
    "Network",
    "Scope",
    "Stream",
    "isolate",
    "pace_seconds",
    "pin",
    "routable",
    "sweep_seconds",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector.network' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
