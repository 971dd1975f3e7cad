"""The three ways of asking: once, until the answer is settled, and until a list is exhausted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from inspector import Cause
from inspector_tls.enumeration.hello_profiles import LONG_LIST
from inspector_tls.enumeration.question_flow import Flow, ask
from inspector_tls.enumeration.reply import Interpretation, Meaning, Reply, interpret
from inspector_tls.enumeration.strategy.context import ServerContext
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.code_points import suites
from inspector_tls.wire.key_exchange import EphemeralKey, read_key
from inspector_tls.wire.server_flight import Flight


def ask_once(
    context: ServerContext, purpose: Purpose, hello: Hello, *, alone: bool = False
) -> Flow[tuple[Interpretation, Reply]]:
    """Ask, and record in the context that the server picked from the end of a long list."""
    reply = yield from ask(purpose, hello, alone=alone)
    answer = interpret(hello, reply)
    chosen = reply.flight.hello
    if not context.reads_long_lists and answer.meaning is Meaning.CHOSEN and chosen is not None:
        context.reads_long_lists = hello.suites.index(chosen.suite) >= LONG_LIST
    return answer, reply


def ask_until_settled(
    context: ServerContext, purpose: Purpose, hello: Hello, *, alone: bool = False
) -> Flow[tuple[Interpretation, Reply]]:
    """Ask, and repeat without other connections if the answer is uncertain: some servers refuse concurrent connections.

    A reset or a close without an alert may still be due to the previous connection, and is repeated once more.
    """
    answer, reply = yield from ask_once(context, purpose, hello, alone=alone)
    for is_last in (False, True):
        if answer.is_settled or not reply.asked or (is_last and not _is_abrupt(answer)):
            break
        answer, reply = yield from ask_once(context, purpose, hello, alone=True)
    return answer, reply


def _is_abrupt(answer: Interpretation) -> bool:
    return answer.cause is Cause.RESET or (answer.cause is Cause.AMBIGUOUS and answer.alert is None)


def has_answer(answer: Interpretation) -> bool:
    """Whether the server answered, even by an ambiguous alert."""
    return answer.is_settled or answer.cause is Cause.AMBIGUOUS


@dataclass(slots=True)
class Exhausted:
    """The result of one list: the picks in order, what remained, and the last answer (None: nothing was asked)."""

    found: list[int]
    remaining: list[int]
    last: Interpretation | None = None


def exhaust(
    context: ServerContext,
    purpose: Purpose,
    offered: Iterable[int],
    hello_of: Callable[[tuple[int, ...]], Hello],
    pick_of: Callable[[Flight], int | None],
    most: int | None = None,
) -> Flow[Exhausted]:
    """Let the server pick, remove the pick and ask again, until it refuses what remains or has picked ``most``.

    ``hello_of`` makes the hello that offers what remains; ``pick_of`` gives the server's pick from its answer.
    """
    result = Exhausted([], list(offered))
    while result.remaining and len(result.found) != most:
        result.last, reply = yield from ask_until_settled(context, purpose, hello_of(tuple(result.remaining)))
        pick = pick_of(reply.flight) if result.last.meaning is Meaning.CHOSEN else None
        if pick is None or not _remove_last(result.remaining, pick):
            break
        result.found.append(pick)
    return result


def _remove_last(codes: list[int], pick: int) -> bool:
    """Remove the pick; whether it was in the list. The search begins at the end, where the common ones are."""
    codes.reverse()
    try:
        codes.remove(pick)
    except ValueError:
        return False
    finally:
        codes.reverse()
    return True


def suite_of(flight: Flight) -> int | None:
    """The suite that the server chose."""
    return flight.hello.suite if flight.hello else None


def key_of(flight: Flight) -> EphemeralKey | None:
    """The ephemeral key that the server sent."""
    chosen = flight.hello
    if chosen is None or chosen.version is None or flight.key_exchange is None or chosen.suite not in suites():
        return None
    return read_key(flight.key_exchange, suites()[chosen.suite], chosen.version)
