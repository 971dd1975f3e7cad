"""Scans of an address that stops answering are made once more after a pause, or are rate-limited."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector import Cause, Network, Raw, ScanFailure, ScanOutput, Target, probe
from inspector.declare.authorisation import Rates
from inspector.declare.settings import Ceilings, Settings
from inspector.model.observation import STOPPED_ANSWERING, Evidence
from inspector.model.subject import SubjectKind
from inspector.record.assessment import Assessment
from inspector.seal import Bundle
from tests.core.systems import SENSOR, Sensor, authorisation, average, inspect, job, neighbour, parse_sensor, registry

ACCEPTED, QUESTIONS = 4, 8
ADDRESS = "127.0.0.1"


class LimitedServer:
    """A port that greets ``ACCEPTED`` connections and is then closed, until it is opened for ``QUESTIONS`` more."""

    def __init__(self) -> None:
        self.port = 0
        self.open(ACCEPTED)

    def open(self, count: int = QUESTIONS) -> None:
        listener = socket.create_server((ADDRESS, self.port))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(listener, count), daemon=True).start()

    @staticmethod
    def _serve(listener: socket.socket, count: int) -> None:
        for left in reversed(range(count)):
            connection, _ = listener.accept()
            if not left:
                listener.close()
            connection.sendall(b"x")
            connection.recv(1)
            connection.close()


@probe("sensor", kind=Sensor, schemes={SENSOR}, subject_kind=SubjectKind.ADDRESS, parse=parse_sensor)
async def asking(target: Target, network: Network) -> ScanOutput:
    """The sensor is online when every question is answered; a refused connection shows that it is not."""
    causes: list[Cause] = []
    for _ in range(QUESTIONS):
        try:
            stream = await network.connect()
        except ScanFailure as failure:
            causes.append(failure.cause)
            continue
        await stream.read()
        await stream.close()
    if Cause.RATE_LIMITED in causes and Cause.REFUSED not in causes:
        raise ScanFailure(Cause.RATE_LIMITED, "not every question was answered")
    return ScanOutput(raw=(Raw(name="state", data=b"offline" if causes else b"online"),))


@contextmanager
def _on_pause(action: Callable[[], None]) -> Iterator[None]:
    """Within the body ``action`` is called when the collector pauses."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "address stopped answering":
                action()

    logger, handler = logging.getLogger("inspector.collect.collector"), Handler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _inspected(folder: Path, port: int, pause_seconds: int) -> tuple[Bundle, Assessment, Evidence]:
    rates = Rates(connections_per_second=200, burst=200, at_once=20, port_questions_per_second=200)
    given = job(
        folder,
        f"sensor://{ADDRESS}:{port}",
        registry=registry([asking, average, neighbour]),
        settings=Settings(output=folder / "out", ceilings=Ceilings(pause_seconds=pause_seconds)),
        authorisations=(authorisation(rates=rates),),
    )
    bundle, assessment = inspect(folder, given)
    [evidence] = [each for _, each in bundle.evidence() if each.probe == "sensor"]
    return bundle, assessment, evidence


def _results(bundle: Bundle) -> list[str]:
    return [entry.result for entry in bundle.ledger()]


def test_a_scan_is_made_once_more_after_the_pause(tmp_path: Path) -> None:
    """Its first, disturbed result is dropped; nothing was sent after the third lost connection."""
    server = LimitedServer()
    with _on_pause(server.open):
        bundle, assessment, evidence = _inspected(tmp_path, server.port, 0)
    assert _results(bundle) == ["open"] * ACCEPTED + ["refused"] * 3 + ["open"] * QUESTIONS
    assert evidence.facts == {"online": {"seen": True, "unseen": None}}
    assert (evidence.failure, evidence.gaps, assessment.coverage.limits) == (None, (), ())


@pytest.mark.parametrize("pause_seconds", [0, 10**6])
def test_an_address_that_stays_away_is_rate_limited(tmp_path: Path, pause_seconds: int) -> None:
    """The second attempt, or the lack of time for it, never shows a closed port; the report names the address once."""
    bundle, assessment, evidence = _inspected(tmp_path, LimitedServer().port, pause_seconds)
    assert evidence.facts is None
    assert evidence.failure is not None
    assert evidence.failure.cause is Cause.RATE_LIMITED
    [gap] = evidence.gaps
    assert (gap.question, gap.cause) == (STOPPED_ANSWERING, Cause.RATE_LIMITED)
    assert f"{ADDRESS} stopped answering after {ACCEPTED} connections at " in gap.detail
    assert _results(bundle) == ["open"] * ACCEPTED + ["refused"] * (6 if pause_seconds == 0 else 3)
    [limit] = assessment.coverage.limits
    assert (limit.id, limit.addresses) == ("rate-limited", (ADDRESS,))
