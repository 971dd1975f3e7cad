"""Flows of questions, written as generators: each yields questions and is resumed with their replies.

A flow does no input or output itself, so that its questions, their number and their rounds can be tested with a server
that is a function.
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
    """A hello to be sent once, and its purpose; ``alone``: on the only open connection, as a repetition.

    ``depth`` is its position in the chain of questions that depend on one another, from 1.
    """

    purpose: Purpose
    hello: Hello
    alone: bool = False
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Fork:
    flows: tuple[Flow[Any], ...]


Step = Question | _Fork
#: A generator of questions that ends with a result.
Flow = Generator[Step, Any, T]


def ask(purpose: Purpose, hello: Hello, *, alone: bool = False) -> Flow[Reply]:
    """Ask one question."""
    reply: Reply = yield Question(purpose, hello, alone)
    return reply


def gather(*flows: Flow[T]) -> Flow[list[T]]:
    """Run several flows concurrently, and resume with all their results when the last has ended."""
    results: list[T] = (yield _Fork(flows)) if flows else []
    return results


class FlowRunner:
    """Runs a flow and the flows that it forks into: keeps the open questions, and resumes flows with their answers.

    ``rounds`` is the length of the longest chain of questions that depend on one another.
    """

    def __init__(self, flow: Flow[None]) -> None:
        self.rounds = 0
        self._unanswered: dict[Question, _Branch] = {}
        self._opened: list[Question] = []
        self._resume(_Branch(flow), None, 0)

    @property
    def unanswered(self) -> tuple[Question, ...]:
        """The questions that were opened and have no answer yet."""
        return tuple(self._unanswered)

    def take_opened(self) -> list[Question]:
        """The questions that were opened since the last call."""
        opened, self._opened = self._opened, []
        return opened

    def answer(self, question: Question, reply: Reply) -> list[Question]:
        """Resume the flow that asked with the reply; the questions that this opens."""
        self._resume(self._unanswered.pop(question), reply, question.depth)
        return self.take_opened()

    def _resume(self, branch: _Branch, value: Any, depth: int) -> None:
        try:
            step = branch.flow.send(value)
        except StopIteration as end:
            branch.end(self, end.value, depth)
            return
        if isinstance(step, _Fork):
            join = _Join(branch, len(step.flows))
            for index, flow in enumerate(step.flows):
                self._resume(_Branch(flow, join, index), None, depth)
            return
        question = Question(step.purpose, step.hello, step.alone, depth + 1)
        self.rounds = max(self.rounds, question.depth)
        self._unanswered[question] = branch
        self._opened.append(question)


class _Join:
    """Collects the results of forked flows."""

    def __init__(self, branch: _Branch, flows: int) -> None:
        self.branch = branch
        self.results: list[Any] = [None] * flows
        self.running = flows
        self.depth = 0


class _Branch:
    """A running flow, and the join that gets its result."""

    def __init__(self, flow: Flow[Any], join: _Join | None = None, index: int = 0) -> None:
        self.flow = flow
        self._join = join
        self._index = index

    def end(self, runner: FlowRunner, result: Any, depth: int) -> None:
        join = self._join
        if join is None:
            return
        join.results[self._index] = result
        join.running -= 1
        join.depth = max(join.depth, depth)
        if join.running == 0:
            runner._resume(join.branch, join.results, join.depth)  # noqa: SLF001  # a part of the runner
