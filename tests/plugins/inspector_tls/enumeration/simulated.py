"""A TLS server that is a function: it answers the bytes of a hello with the bytes of a first flight."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum

from inspector import Cause
from inspector_tls.enumeration.question_flow import FlowRunner, Question
from inspector_tls.enumeration.reply import Reply
from inspector_tls.enumeration.strategy.context import EVERY_PART, ServerContext
from inspector_tls.enumeration.strategy.survey import enumeration
from inspector_tls.enumeration.transcript import Exchange, Mode, Transcript
from inspector_tls.observations import Part, TlsVersion
from inspector_tls.wire.client_hello import Hello, decode, encode
from inspector_tls.wire.code_points import WIRE, suites
from inspector_tls.wire.server_flight import read_flight

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
PRIME = bytes((0xFF,)) + bytes(126) + bytes((0x97,))
NAMED_PRIME = bytes((0xFF,)) + bytes(254) + bytes((0xFB,))
FFDHE = range(256, 512)
HOST = "www.example.vn"
#: What an enumeration without extra questions asks for.
PLAIN = frozenset({Part.SUITES, Part.GROUPS, Part.CURVES})


class Primes(Enum):
    """How a server handles the groups of RFC 7919 before TLS 1.3 (§4)."""

    OWN = "uses its own prime, whatever is named"
    NAMED = "has no prime but those, and uses none that is not named"
    BOTH = "uses a group that is named, its own prime otherwise"
    STRICT = "has its own prime, and uses it only where no group is named"


@dataclass(frozen=True)
class Server:
    """``suites`` by version, in order of preference; ``groups`` of TLS 1.3 and ``curves`` of older versions likewise.

    ``own_order``: its own order decides. ``reads``: how many suites of a list it reads. ``longest``: the longest hello
    that it answers, in bytes. ``version_alert``: how it refuses a version.
    """

    suites: dict[TlsVersion, tuple[int, ...]]
    groups: tuple[int, ...] = (29, 23, 24)
    curves: tuple[int, ...] = (29, 23, 24)
    signatures: tuple[int, ...] = (0x0804, 0x0401, 0x0403)
    own_order: bool = True
    reads: int = 10_000
    alert: int = 40
    version_alert: int = 70
    primes: Primes = Primes.OWN
    longest: int = 100_000

    def __call__(self, data: bytes) -> bytes:
        """The first flight that answers a hello."""
        hello = decode(data)
        if hello.version is TlsVersion.SSL_2:
            return self.refuse(70)
        if hello.version not in self.suites:
            older = [version for version in self.suites if WIRE[version] < WIRE[hello.version]]
            if hello.version is TlsVersion.TLS_1_3 and TlsVersion.TLS_1_2 in older:
                return self.answer(hello, TlsVersion.TLS_1_2)
            return self.refuse(self.version_alert)
        return self.answer(hello, hello.version)

    def refuse(self, number: int) -> bytes:
        """A fatal alert."""
        return struct.pack(">BHHBB", 21, 0x0301, 2, 2, number)

    def pick(self, own: Collection[int], offered: Collection[int]) -> int | None:
        """What is picked of what both sides have."""
        first, second = (own, offered) if self.own_order else (offered, own)
        return next((code for code in first if code in second), None)

    def answer(self, hello: Hello, version: TlsVersion) -> bytes:
        """Choose from a hello, or refuse."""
        offered = hello.suites[: self.reads]
        if version is TlsVersion.TLS_1_3:
            suite, group = self.pick(self.suites[version], offered), self.pick(self.groups, hello.groups)
            if suite is None or group is None:
                return self.refuse(self.alert)
            extensions = struct.pack(">HHH", 43, 2, 0x0304) + struct.pack(">HHH", 51, 2, group)
            return self.record(self.hello(version, suite, RETRY, extensions))
        own = tuple(code for code in self.suites[version] if self.can(code, hello))
        suite = self.pick(own, offered)
        if suite is None:
            return self.refuse(self.alert)
        return self.record(
            self.hello(version, suite, bytes(32), b""), (11, bytes(3)), *self.key(hello, version, suite), (14, b"")
        )

    def can(self, code: int, hello: Hello) -> bool:
        """Whether both sides have the group that the suite needs."""
        names_prime = any(group in FFDHE for group in hello.groups)
        can_name = hello.version is not TlsVersion.SSL_3
        if can_name and suites()[code].uses_prime and self.primes is (Primes.STRICT if names_prime else Primes.NAMED):
            return False
        has_curve = hello.version is TlsVersion.SSL_3 or self.pick(self.curves, hello.groups) is not None
        signs = hello.version is not TlsVersion.TLS_1_2 or any(each in self.signatures for each in hello.signatures)
        return (has_curve or not suites()[code].on_curve) and (signs or not suites()[code].is_signed)

    def hello(self, version: TlsVersion, suite: int, random: bytes, extensions: bytes) -> tuple[int, bytes]:
        """A ServerHello."""
        number = min(WIRE[version], 0x0303)
        body = struct.pack(">H", number) + random + b"\0" + struct.pack(">HB", suite, 0)
        return 2, body + (struct.pack(">H", len(extensions)) + extensions if extensions else b"")

    def key(self, hello: Hello, version: TlsVersion, suite: int) -> list[tuple[int, bytes]]:
        """A ServerKeyExchange where the suite has one."""
        known = suites()[suite]
        if known.on_curve:
            group = self.pick(self.curves, hello.groups) or self.curves[0]
            body = struct.pack(">BHB", 3, group, 32) + bytes(32)
        elif known.uses_prime:
            names_prime = any(group in FFDHE for group in hello.groups)
            prime = NAMED_PRIME if names_prime and self.primes in {Primes.NAMED, Primes.BOTH} else PRIME
            body = struct.pack(">H", len(prime)) + prime + b"\0\x01\x02" + b"\0\x01\x09"
        else:
            return []
        if known.authentication == "PSK":
            body = b"\0\0" + body
        if known.is_signed:
            scheme = next((each for each in self.signatures if each in hello.signatures), 0)
            body += (struct.pack(">H", scheme) if version is TlsVersion.TLS_1_2 else b"") + b"\0\0"
        return [(12, body)]

    def record(self, *messages: tuple[int, bytes]) -> bytes:
        """Handshake messages in one record."""
        body = b"".join(bytes((kind,)) + len(part).to_bytes(3, "big") + part for kind, part in messages)
        return struct.pack(">BHH", 22, 0x0301, len(body)) + body

    @property
    def floor(self) -> int:
        """The fewest hellos that show everything: each list once to its end, each refused version once."""
        hellos = 1 + sum(
            len(self.suites[version]) + 1 if version in self.suites else 1
            for version in TlsVersion
            if version is not TlsVersion.SSL_2
        )
        if TlsVersion.TLS_1_3 in self.suites:
            hellos += len(self.groups) + 1
        older = [own for version, own in self.suites.items() if version not in (TlsVersion.TLS_1_3, TlsVersion.SSL_3)]
        if any(suites()[code].on_curve for own in older for code in own):
            hellos += len(self.curves) + 1
        return hellos


Failure = Callable[[Question, int], Cause | None]


@dataclass
class Run:
    """An enumeration of a simulated server; ``failure`` gives the connections that fail, by question and number."""

    server: Callable[[bytes], bytes]
    mode: Mode = Mode.ECONOMICAL
    extra: bool = False
    parts: Collection[Part] | None = None
    failure: Failure = lambda _question, _number: None
    exchanges: list[Exchange] = field(default_factory=list)
    rounds: int = 0

    def __post_init__(self) -> None:
        parts = self.parts if self.parts is not None else EVERY_PART if self.extra else PLAIN
        flows = FlowRunner(enumeration(ServerContext(HOST, self.mode, frozenset(parts))))
        open_questions = flows.take_opened()
        while open_questions:
            open_questions = [opened for each in open_questions for opened in flows.answer(each, self.reply(each))]
        self.rounds = flows.rounds

    def reply(self, question: Question) -> Reply:
        """Ask the function."""
        sent = encode(question.hello)
        cause = self.failure(question, len(self.exchanges))
        if len(sent) > getattr(self.server, "longest", len(sent)):
            cause = Cause.TIMEOUT
        received = self.server(sent) if cause is None else b""
        self.exchanges.append(Exchange(purpose=question.purpose, sent=sent, received=received, cause=cause))
        return Reply(read_flight(received), cause=cause)

    @property
    def transcript(self) -> Transcript:
        """The transcript."""
        return Transcript(server_name=HOST, mode=self.mode, exchanges=tuple(self.exchanges))
