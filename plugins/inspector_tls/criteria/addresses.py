"""Criteria of a host with several addresses: the comparison of its ports at each address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from inspector import Every, Observation, Verdict, failed, not_applicable, passed

T = TypeVar("T", bound=Observation)


def compare_addresses(every: Every[T], compared: Callable[[T], object], *, differs: str, same: str) -> Verdict:
    """Fail at the first port whose facts differ between addresses of the host.

    ``compared`` gives the facts that must be equal, and raises ``NotSeen`` where they are not known; ``differs`` and
    ``same`` are the messages of failure and of success.
    """
    ports: dict[str, dict[str, T | None]] = defaultdict(dict)
    for item in every.all:
        ports[item.subject.uri][item.subject.address or ""] = item.observation
    several = {uri: addresses for uri, addresses in ports.items() if len(addresses) > 1}
    if not several:
        return not_applicable("each port has a single address", facts=sorted(ports))
    for uri, addresses in several.items():
        seen = {address: fact for address, fact in addresses.items() if fact is not None}
        if len({compared(fact) for fact in seen.values()}) > 1:
            return failed(differs, port=uri, measured=sorted(seen))
    return passed(same, facts=sorted(several))
