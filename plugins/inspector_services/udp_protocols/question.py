"""The form of a question over UDP: the datagram that is sent, and how its reply is read. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspector_services.udp_observations import UdpProtocol

#: Random bytes from which a question makes its identifiers.
TOKEN_BYTES = 40
#: The most bytes of a reply that are kept.
KEPT_BYTES = 1500


class MalformedReply(ValueError):
    """The reply does not follow the grammar of the protocol."""


def require(condition: bool) -> None:
    """Raise MalformedReply unless the reply has this property."""
    if not condition:
        raise MalformedReply


class Reader:
    """Reads a reply from its first byte on. Every step raises MalformedReply when less is left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        require(0 <= count <= self.left)
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, count: int) -> int:
        """The next ``count`` bytes as an unsigned number in network order."""
        return int.from_bytes(self.take(count), "big")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at


def unchanged(reply: bytes) -> bytes:
    """The reply itself: it holds nothing of a person, and no name."""
    return reply


@dataclass(frozen=True, slots=True)
class UdpQuestion:
    """One question: ``ask`` makes its datagram from a token of random bytes.

    ``read(sent, reply)`` gives what the reply shows, as printable ASCII, and raises MalformedReply for one that is not
    the protocol's answer to this very datagram. ``kept`` is the reply without names and free texts, of which ``read``
    says the same. ``from_any_port``: the answer comes from another port than the asked one.
    """

    protocol: UdpProtocol
    port: int
    ask: Callable[[bytes], bytes]
    read: Callable[[bytes, bytes], str]
    kept: Callable[[bytes], bytes] = unchanged
    from_any_port: bool = False

    def shown_by(self, sent: bytes, reply: bytes) -> str | None:
        """What the reply shows; None when it does not answer this datagram."""
        try:
            return self.read(sent, reply)
        except MalformedReply:
            return None
