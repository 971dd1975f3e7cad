"""Comparison of what is declared with what was seen: endpoints, and ports of hosts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from pydantic import ValidationError

from inspector.model.base import Cause, Model
from inspector.model.declared import Tenancy
from inspector.model.observation import Evidence, Observation
from inspector.model.subject import Uri


class PortSeen(Model):
    """One port, declared or seen open: ``state`` as observed, or the cause for which it was not seen."""

    port: str
    service: str | None = None
    declared: bool
    state: str | None = None
    cause: Cause | None = None

    @property
    def differs(self) -> bool:
        """Whether what was seen differs from what is declared; False when it was not seen."""
        return self.state is not None and self.declared != (self.state == "open")


class Comparison(Model):
    """The declared ports of one host and what was seen at one of its addresses."""

    host: str
    address: str
    tenancy: Tenancy
    ports: tuple[PortSeen, ...]


class EndpointSeen(Model):
    """The scans of one declared endpoint: how many there were, how many saw something, why the others did not."""

    uri: str
    addresses: tuple[str, ...]
    scans: int
    seen: int
    causes: tuple[Cause, ...]


class ScanIndex:
    """Scans by the endpoint that they were made for, and by service: several endpoints may share one scan."""

    def __init__(self, scans: Iterable[Evidence]) -> None:
        self._by_endpoint: dict[str, list[Evidence]] = defaultdict(list)
        self._by_service: dict[tuple[str | None, int | None, str], list[Evidence]] = defaultdict(list)
        for each in scans:
            self._by_endpoint[each.endpoint or ""].append(each)
            self._by_service[each.subject.host, each.subject.port, each.subject.scheme].append(each)

    def at(self, text: str, uri: Uri | None) -> list[Evidence]:
        """The scans made for this endpoint, and those of its service made for another."""
        asked = self._by_endpoint.get(text, [])
        if uri is None:
            return asked
        there = self._by_service.get((uri.host, uri.port, uri.scheme.name), [])
        return [*asked, *(each for each in there if each.endpoint != text)]


def endpoint_seen(uri: str, scans: list[Evidence]) -> EndpointSeen:
    missed = [each for each in scans if each.facts is None]
    return EndpointSeen(
        uri=uri,
        addresses=tuple(sorted({each.subject.address for each in scans if each.subject.address})),
        scans=len(scans),
        seen=len(scans) - len(missed),
        causes=tuple(sorted({each.failure.cause if each.failure else Cause.NOT_REACHED for each in missed})),
    )


def has_port_states(kind: type[Observation]) -> bool:
    """Whether an observation has the states of ports, as ``open`` and ``state(port)``."""
    return isinstance(getattr(kind, "open", None), property | cached_property) and callable(
        getattr(kind, "state", None)
    )


def transport_of(kind: type[Observation]) -> str:
    """Of which protocol the ports are whose states an observation has: its ``transport``, or tcp."""
    return str(getattr(kind, "transport", "tcp"))


def observation_of(evidence: Evidence, kind: type[Observation]) -> Observation | None:
    try:
        return None if evidence.facts is None else kind.model_validate(evidence.facts)
    except ValidationError:
        return None
