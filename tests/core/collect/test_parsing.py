"""Parsing ends with facts or a cause, the same in the main thread, in other threads and for parsers in workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from inspector import Answer, Cause, FailureNote, ParseContext, ScanOutput
from inspector.collect.parsing import facts_of
from inspector.model.base import now
from inspector.model.subject import Subject, SubjectKind
from tests.core.collect import parsers
from tests.core.plugin.threads import in_both_threads, run_in
from tests.core.systems import RAW, Sensor, sensor

READING = ParseContext(Subject(kind=SubjectKind.ADDRESS, uri="sensor://a", scheme="sensor", host="a"), now())
Parser = Callable[[ScanOutput, ParseContext], Sensor]


def parse(
    parser: Parser, *, in_main: bool, parse_in_worker: bool = False
) -> tuple[dict[str, object] | None, FailureNote | None]:
    probe = replace(sensor(parse=parser), parse_in_worker=parse_in_worker)
    return run_in(lambda: asyncio.run(facts_of(probe, ScanOutput(raw=RAW), READING)), in_main=in_main)


@in_both_threads
@pytest.mark.parametrize("parse_in_worker", [False, True], ids=["in-process", "in-worker"])
@pytest.mark.parametrize(
    ("parser", "cause", "text"),
    [
        (parsers.meaningless, Cause.PROTOCOL_ERROR, "what was received cannot be read: not a word"),
        (parsers.refused, Cause.REFUSED, "closed"),
        (parsers.failing, Cause.BUG, "RuntimeError: ours"),
    ],
)
def test_the_cause_is_the_same_wherever_a_parser_runs(
    parser: Parser, cause: Cause, text: str, in_main: bool, parse_in_worker: bool
) -> None:
    """Meaningless bytes are the server's fault, an exception is the plugin's, a Trouble keeps its cause."""
    facts, note = parse(parser, in_main=in_main, parse_in_worker=parse_in_worker)
    assert facts is None
    assert note is not None
    assert note.cause is cause
    assert text in note.detail


def test_the_facts_are_the_same_wherever_a_parser_runs() -> None:
    """In this process, in a worker where the probe asks for it, and in a worker outside the main thread."""
    cases = [(in_main, parse_in_worker) for in_main in (True, False) for parse_in_worker in (False, True)]
    first, *others = [
        parse(parsers.good, in_main=in_main, parse_in_worker=parse_in_worker) for in_main, parse_in_worker in cases
    ]
    assert first == (Sensor(online=Answer(seen=True)).model_dump(mode="json"), None)
    assert others == [first] * 3


@in_both_threads
@pytest.mark.parametrize("parser", [parsers.endless, parsers.backtracking])
def test_a_light_parser_that_does_not_return_is_a_bug(
    parser: Parser, in_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python code and a call into C, in the main thread and elsewhere: the same cause and the same words."""
    seconds = 0.2 if in_main else 3.0  # in which a worker also starts
    monkeypatch.setattr("inspector.collect.parsing.READ_SECONDS", seconds)
    _, note = parse(parser, in_main=in_main)
    assert note == FailureNote(cause=Cause.BUG, detail=f"parsing what 'sensor' received took longer than {seconds:g} s")


def test_a_parser_in_a_worker_that_does_not_return_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is killed at the deadline."""
    monkeypatch.setattr("inspector.collect.parsing.WORKER_PARSE_SECONDS", 3.0)
    _, note = parse(parsers.backtracking, in_main=True, parse_in_worker=True)
    assert note is not None
    assert note.cause is Cause.TIMEOUT


def test_a_parser_that_ends_its_process_is_a_bug_and_harms_no_other() -> None:
    """One job crashes, those beside it have their facts."""
    parse_in_worker = [
        replace(sensor(parse=each), parse_in_worker=True) for each in (parsers.good, parsers.crashing, parsers.good)
    ]

    async def main() -> list[FailureNote | None]:
        ended = await asyncio.gather(*(facts_of(probe, ScanOutput(raw=RAW), READING) for probe in parse_in_worker))
        return [note for _, note in ended]

    first, crashed, last = asyncio.run(main())
    assert (first, last) == (None, None)
    assert crashed is not None
    assert crashed.cause is Cause.BUG
