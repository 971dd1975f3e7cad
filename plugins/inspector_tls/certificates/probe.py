"""The scan of certificates: a handshake for every sort of client, each dropped once the certificates are there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector import (
    Answer,
    Cause,
    Cost,
    FailureNote,
    Gap,
    Intrusiveness,
    Network,
    Raw,
    ScanOutput,
    SubjectKind,
    Target,
    probe,
)
from inspector.model.subject import is_address
from inspector.network import Stream
from inspector_tls.certificates.handshake import End, Outcome, shake
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.parsing import (
    HANDSHAKES,
    Handshake,
    Handshakes,
    is_doubtful,
    parse,
    refuses,
    settle,
    unconfirmed,
)
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.starttls.negotiation import SCHEMES, needs_negotiation
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, prepare
from inspector_tls.wire.handshake_messages import Manner, Sort

#: Each manner is tried once, the first that times out once more, each other question at most twice, and in the end the
#: first one again.
MOST_CONNECTIONS = len(Manner) + 1 + 2 * (2 * len(Sort) - 1) + 1
#: Connections that follow one another: the manners, the questions that are asked together, twice, and the first again.
_MOST_ROUNDS = len(Manner) + 1 + 2 + 1
#: A server that lets so many hellos go without a byte is left alone.
_SILENCES = 3
#: The connection's own troubles, after which another may fare better.
_PASSING = frozenset({Cause.TIMEOUT, Cause.RESET})


def _cost(target: Target, options: Mapping[str, Any]) -> Cost:
    handshakes = 2 * MOST_CONNECTIONS * int(options.get("answer_seconds", 6))
    before = _MOST_ROUNDS * int(NEGOTIATION_SECONDS) if needs_negotiation(target.scheme) else 0
    return Cost(connections=MOST_CONNECTIONS, seconds=handshakes + before)


@probe(
    "certificates",
    kind=Certificates,
    schemes={HTTPS, TLS, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
    parse_in_worker=True,
    version="2",
)
async def certificates(target: Target, network: Network, *, answer_seconds: int = 6) -> ScanOutput:
    """Ask as each sort of client does, with the host's name and without any, for the certificates.

    ``answer_seconds`` bounds one handshake, once the protocol that TLS is asked for in has led to it.
    """
    visit = _Visit(target, network, answer_seconds)
    await visit.ask_all()
    return ScanOutput(
        raw=(Raw(name=HANDSHAKES, data=visit.handshakes.canonical(), media_type="application/json"), *visit.files()),
        gaps=tuple(visit.gaps()),
        tools={},
        failure=visit.failure,
    )


class _Visit:
    """The handshakes with one server."""

    def __init__(self, target: Target, network: Network, seconds: int) -> None:
        self._target = target
        self._network = network
        self._server_name = None if is_address(target.host) else target.host
        self._seconds = seconds
        self._made: list[Handshake] = []
        self._files: dict[str, bytes] = {}
        self.failure: FailureNote | None = None

    @property
    def handshakes(self) -> Handshakes:
        """What was made so far, in the order of asking."""
        return Handshakes(server_name=self._server_name, made=tuple(self._made))

    async def ask_all(self) -> None:
        """Find a manner in which the server answers, then ask everything else in it."""
        manner = await self._find_manner()
        if manner is None:
            return
        named = self._server_name is not None
        # Last comes what is the likeliest to be presented: it tells that the refusals before it are meant.
        sorts = (Sort.RSA, Sort.OTHER, Sort.USUAL)
        rest = [(True, Sort.RSA), (True, Sort.OTHER), *((False, sort) for sort in sorts if named)]
        await self._ask(manner, rest)
        await self._ask(manner, [each for each in rest if self._is_open(*each)])
        if any(refuses(each) or is_doubtful(each) for each in unconfirmed(self._made)):
            # Does it still answer as it answered at first?
            first = next(each.manner for each in self._made if each.end in (End.PRESENTED, End.ANONYMOUS))
            await self._ask(first, [(True, Sort.USUAL)])

    async def _find_manner(self) -> Manner | None:
        for manner in Manner:
            await self._ask(manner, [(True, Sort.USUAL)])
            if self._made[-1].cause in _PASSING and len(self._made) == 1:
                await self._ask(manner, [(True, Sort.USUAL)])
            last = self._made[-1]
            if last.end is End.PRESENTED:
                return manner
            if last.end is End.ANONYMOUS:
                return Manner.TLS_1_2
            if self._is_over(last):
                return None
        return None

    async def _open(self, stream: Stream) -> None:
        """Get to where TLS begins."""
        await prepare(stream, self._target.scheme, self._network.identity, host=self._target.host)

    def _is_over(self, last: Handshake) -> bool:
        if self.failure is not None or last.end is End.NOT_TLS:
            return True
        if last.cause is not None and last.cause not in _PASSING:
            return True
        silences = [each.cause is Cause.TIMEOUT and each.version is None for each in self._made]
        return len(silences) >= _SILENCES and all(silences)

    async def _ask(self, manner: Manner, questions: Sequence[tuple[bool, Sort]]) -> None:
        if self.failure is not None:
            return
        outcomes = await asyncio.gather(
            *(
                shake(
                    self._network,
                    manner,
                    sort,
                    self._server_name if named else None,
                    opening=self._open,
                    seconds=float(self._seconds),
                )
                for named, sort in questions
            )
        )
        for (named, sort), outcome in zip(questions, outcomes, strict=True):
            self._keep(manner, sort, outcome, named=named)

    def _keep(self, manner: Manner, sort: Sort, outcome: Outcome, *, named: bool) -> None:
        presented = outcome.presented
        self._made.append(
            Handshake(
                manner=manner,
                sort=sort,
                named=named,
                end=outcome.end,
                cause=outcome.cause,
                alert=outcome.alert,
                version=outcome.version,
                note=outcome.note[:300],
                chain=tuple(self._file(each, "der") for each in presented.certificates) if presented else (),
                staple=Answer(unseen=Cause.NOT_REACHED)
                if outcome.staple is None
                else Answer(seen=self._file(outcome.staple, "ocsp") if outcome.staple else None),
                timestamps=presented.timestamps if presented else b"",
            )
        )
        if outcome.cause is not None and outcome.cause not in (*_PASSING, Cause.REFUSED, Cause.NOT_REACHED):
            self.failure = self.failure or FailureNote(cause=outcome.cause, detail=outcome.note)

    def _file(self, data: bytes, kind: str) -> str:
        """Keep the bytes under their digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._files[f"{digest}.{kind}"] = data
        return digest

    def files(self) -> Iterable[Raw]:
        """Certificates and responses, by name."""
        kinds = {"der": "application/pkix-cert", "ocsp": "application/ocsp-response"}
        for name, data in sorted(self._files.items()):
            yield Raw(name=name, data=data, media_type=kinds[name.partition(".")[2]])

    def _is_open(self, named: bool, sort: Sort) -> bool:
        """Whether a question brought neither certificates nor a plain refusal."""
        asked = [each for each in self._made if each.named is named and each.sort is sort]
        return not any(each.chain or refuses(each) for each in asked)

    def _settled(self, named: bool, sort: Sort) -> Answer[str | None]:
        return settle(self._made, sort, named=named)

    def gaps(self) -> Iterable[Gap]:
        """The questions that stayed open on a server that presented something."""
        if not any(each.end is End.PRESENTED for each in self._made):
            return
        for named in (True, False) if self._server_name is not None else (True,):
            for sort in Sort:
                cause = self._settled(named, sort).unseen
                if cause is not None:
                    whom = "with the host's name" if named else "without a name"
                    yield Gap(question=f"which certificate a client gets {whom}: {sort.value}", cause=cause)
