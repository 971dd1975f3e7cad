"""The server that is enumerated, and the result of the first questions about one of its versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.enumeration.reply import Interpretation, Meaning
from inspector_tls.enumeration.transcript import Mode
from inspector_tls.observations import Part
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.server_flight import Flight
from inspector_tls.wire.versions import TlsVersion

EVERY_PART = frozenset(Part)
#: Parts whose questions depend on which suites are accepted.
_NEED_SUITES = frozenset({Part.CURVES, Part.PREFERENCE, Part.MIXED_PREFERENCE, Part.EXTENSIONS, Part.TOLERANCE})


@dataclass(slots=True)
class ServerContext:
    """One server: its name in hellos, the mode, the parts that are asked for, and whether it parses a long list to its
    end.
    """

    server_name: str | None
    mode: Mode = Mode.ECONOMICAL
    parts: frozenset[Part] = EVERY_PART
    reads_long_lists: bool = False

    def __post_init__(self) -> None:
        if self.parts & _NEED_SUITES:
            self.parts |= {Part.SUITES}

    def asks(self, *parts: Part) -> bool:
        """Whether one of these parts is asked for."""
        return not self.parts.isdisjoint(parts)

    def hello(
        self,
        version: TlsVersion,
        offered: Iterable[int],
        size: HelloSize = HelloSize.FULL,
        **details: Sequence[int],
    ) -> Hello:
        """A hello to this server."""
        return offers.hello(version, offered, self.server_name, size, **details)


@dataclass(frozen=True, slots=True)
class VersionResult:
    """The result of the first questions about a version; ``size``: the size of hello that the server understands."""

    version: TlsVersion
    answer: Interpretation
    flight: Flight
    size: HelloSize = HelloSize.FULL

    @property
    def is_accepted(self) -> bool:
        """Whether the server chose the version."""
        return self.answer.meaning is Meaning.CHOSEN

    @property
    def suite(self) -> int:
        """The suite that was chosen first."""
        return self.flight.hello.suite if self.flight.hello else 0

    @property
    def usual_suites(self) -> tuple[int, ...]:
        """The suite that was chosen first, and the most common others: a list that the server accepts."""
        size = HelloSize.TINY if self.size is HelloSize.TINY else HelloSize.SMALL
        return tuple(dict.fromkeys((*offers.common_suites(self.version, size), self.suite)))

    def plain_hello(self, context: ServerContext) -> Hello:
        """A hello in this version that the server accepts."""
        return context.hello(self.version, self.usual_suites, self.size)
