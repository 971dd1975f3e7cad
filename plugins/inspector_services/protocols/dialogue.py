"""What a probe and a server say to one another to identify the server's protocol, and the form of a protocol's grammar.

Only what the server sent in the form that its protocol prescribes identifies it: neither a port number nor a word in
the text of a greeting, which its operator chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspector import Cause, Model, masked
from inspector_services.observations import Banner, ServiceProtocol

#: The question of a turn in which nothing was sent: a greeting is awaited.
GREETING = ""


class Turn(Model):
    """One question and what came back.

    ``question`` is the name of an ``Ask``. ``closed``: the server closed the connection. ``tls``: said inside TLS.
    ``connection`` counts the connections to the port from 0. ``cause``: why the question could not be asked, or got no
    whole answer on a connection that stayed open (timeout).
    """

    question: str = GREETING
    received: bytes = b""
    closed: bool = False
    tls: bool = False
    connection: int = 0
    cause: Cause | None = None


Turns = tuple[Turn, ...]


def is_line(received: bytes) -> bool:
    """Whether a whole line was received."""
    return b"\n" in received


def anything(received: bytes) -> bool:
    """Whether anything was received."""
    return bool(received)


@dataclass(frozen=True, slots=True)
class Ask:
    """What an ordinary client sends; ``is_complete`` tells when no more of the answer is waited for.

    ``<host>`` and ``<agent>`` in ``sent`` stand for the host and for how Inspector names itself. ``apart``: over a
    connection of its own.
    """

    name: str
    sent: bytes
    is_complete: Callable[[bytes], bool] = anything
    apart: bool = False


def nothing_more(_turns: Turns) -> Ask | None:
    """No question after the first."""
    return None


@dataclass(frozen=True, slots=True)
class Grammar:
    """How servers of one protocol are recognised, asked and described. All functions are pure.

    ``recognises`` reads one turn of any question. ``first`` is the client's first question, None where the server
    speaks first. ``then`` gives the next question after those turns. ``describe`` reads all turns; it leaves ``text``
    empty. ``kept`` is what of the received bytes is stored, enough to recognise and describe again.
    """

    protocol: ServiceProtocol
    recognises: Callable[[Turn], bool]
    describe: Callable[[Turns], Banner]
    first: Ask | None = None
    then: Callable[[Turns], Ask | None] = nothing_more
    kept: Callable[[Turn], bytes] = lambda turn: masked(turn.received)


def answer_to(turns: Turns, question: str) -> bytes:
    """What was received to the last question of this name; empty where it was not asked."""
    return next((each.received for each in reversed(turns) if each.question == question), b"")


def was_asked(turns: Turns, question: str) -> bool:
    """Whether the question was sent."""
    return any(each.question == question for each in turns)


def unseen_cause(turns: Turns, question: str) -> Cause:
    """Why a question is open: what prevented it or its answer; ambiguous where the answer shows nothing."""
    asked = next((each for each in reversed(turns) if each.question == question), None)
    last = asked or next((each for each in reversed(turns) if each.cause is not None), None)
    return Cause.AMBIGUOUS if last is None or last.cause is None else last.cause
