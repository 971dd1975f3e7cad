"""Lines of questions, written as generators: each yields questions and is resumed with their replies.

A line never waits for the network itself, so that what it asks, how often and in how many rounds can be tested with a
server that is a function.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from inspector_tls.enumeration.reply import Reply
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.wire.client_hello import Hello

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Question:
    """A hello to be sent once, and what for; ``alone``: while nothing else is asked, because it failed before.

    ``depth`` counts the answers that had to come before it, plus one.
    """

    purpose: Purpose
    hello: Hello
    alone: bool = False
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Fork:
    lines: tuple[Line[Any], ...]


Step = Question | _Fork
#: A line of questions that ends with a result.
Line = Generator[Step, Any, T]


def ask(purpose: Purpose, hello: Hello, *, alone: bool = False) -> Line[Reply]:
    """Ask one question."""
    reply: Reply = yield Question(purpose, hello, alone)
    return reply


def together(*lines: Line[T]) -> Line[list[T]]:
    """Follow several lines side by side, and go on with all their results when the last has ended."""
    results: list[T] = (yield _Fork(lines)) if lines else []
    return results


class Asking:
    """Follows a line and all that it forks into: which questions are open, and what their answers open next."""

    def __init__(self, line: Line[None]) -> None:
        self.rounds = 0
        self._waiting: dict[Question, _Thread] = {}
        self._opened: list[Question] = []
        self._resume(_Thread(line), None, 0)

    @property
    def waiting(self) -> tuple[Question, ...]:
        """The questions that were opened and have no answer yet."""
        return tuple(self._waiting)

    def opened(self) -> list[Question]:
        """The questions that were opened since the last call."""
        opened, self._opened = self._opened, []
        return opened

    def answer(self, question: Question, reply: Reply) -> list[Question]:
        """Hand in the reply to a question; the questions that it opens."""
        self._resume(self._waiting.pop(question), reply, question.depth)
        return self.opened()

    def _resume(self, thread: _Thread, value: Any, depth: int) -> None:
        try:
            step = thread.line.send(value)
        except StopIteration as end:
            thread.end(self, end.value, depth)
            return
        if isinstance(step, _Fork):
            join = _Join(thread, len(step.lines))
            for place, line in enumerate(step.lines):
                self._resume(_Thread(line, join, place), None, depth)
            return
        question = Question(step.purpose, step.hello, step.alone, depth + 1)
        self.rounds = max(self.rounds, question.depth)
        self._waiting[question] = thread
        self._opened.append(question)


class _Join:
    """The point at which forked lines meet again."""

    def __init__(self, thread: _Thread, lines: int) -> None:
        self.thread = thread
        self.results: list[Any] = [None] * lines
        self.left = lines
        self.depth = 0


class _Thread:
    """One line that is being followed, and where its result goes."""

    def __init__(self, line: Line[Any], join: _Join | None = None, place: int = 0) -> None:
        self.line = line
        self._join = join
        self._place = place

    def end(self, asking: Asking, result: Any, depth: int) -> None:
        join = self._join
        if join is None:
            return
        join.results[self._place] = result
        join.left -= 1
        join.depth = max(join.depth, depth)
        if join.left == 0:
            asking._resume(join.thread, join.results, join.depth)  # noqa: SLF001  # the two are one machine
