"""The gateway to the network: scope, pinned addresses, rate limits, ledger, audit guard.

Nothing else in Inspector opens a socket or starts a scanner. The names below are loaded on first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.network.access.scope import Scope
    from inspector.network.client import Identity, Network, RoundTripEnd, Stream
    from inspector.network.gateway import Gateway
    from inspector.network.pacing.ledger import Ledger
    from inspector.network.pacing.rate_limit import pace_seconds, strictest, sweep_seconds
    from inspector.network.protocols.nmap import find_nmap, nmap_version
    from inspector.network.resolution import SharedPins, resolve_and_pin, routable
    from inspector.network.sandbox.jobs import run_isolated

#: httpx imports its command line when it can, and with it rich, click and pygments: half of its import time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None makes that import fail, as without click

_HOME = {
    "Gateway": "inspector.network.gateway",
    "RoundTripEnd": "inspector.network.client",
    "Identity": "inspector.network.client",
    "Ledger": "inspector.network.pacing.ledger",
    "Network": "inspector.network.client",
    "Scope": "inspector.network.access.scope",
    "SharedPins": "inspector.network.resolution",
    "Stream": "inspector.network.client",
    "find_nmap": "inspector.network.protocols.nmap",
    "nmap_version": "inspector.network.protocols.nmap",
    "run_isolated": "inspector.network.sandbox.jobs",
    "pace_seconds": "inspector.network.pacing.rate_limit",
    "resolve_and_pin": "inspector.network.resolution",
    "routable": "inspector.network.resolution",
    "strictest": "inspector.network.pacing.rate_limit",
    "sweep_seconds": "inspector.network.pacing.rate_limit",
}

__all__ = [
    "Gateway",
    "Identity",
    "Ledger",
    "Network",
    "RoundTripEnd",
    "Scope",
    "SharedPins",
    "Stream",
    "find_nmap",
    "nmap_version",
    "pace_seconds",
    "resolve_and_pin",
    "routable",
    "run_isolated",
    "strictest",
    "sweep_seconds",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector.network' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
