"""Fuzz the reader of server messages: no exception, no difference between whole and cut, no unbounded memory.

``python -m fuzz.tls [-max_total_time=SECONDS]``: arguments are libFuzzer's.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["inspector_tls.enumeration", "inspector_tls.wire"]):
    from inspector_tls.enumeration.hello_profiles import ssl_2_hello
    from inspector_tls.enumeration.reply import Reply, interpret
    from inspector_tls.enumeration.transcript import Transcript
    from inspector_tls.wire.server_flight import Flight, read_flight

#: What one flight may say of itself: more than this of anything has no bound.
_MOST = 100_000


def facts_of(flight: Flight) -> tuple[object, ...]:
    """What a flight says, to be compared."""
    return (flight.hello, flight.alerts, flight.fault, flight.ssl_2, flight.is_done)


def one_input(data: bytes) -> None:
    """Read the bytes whole, cut at a place that they choose, and as a transcript."""
    if not data:
        return
    cut, words = data[0], data[1:]
    whole = read_flight(words)
    pieces = Flight()
    pieces.feed(words[:cut])
    pieces.feed(words[cut:])
    assert facts_of(whole) == facts_of(pieces), "a flight depends on where it was cut"
    assert len(whole.alerts) < _MOST
    interpret(ssl_2_hello(), Reply(whole, closed=bool(cut & 1)))
    with suppress(ValueError):
        Transcript.from_stored(*words.partition(b"\n")[::2])


def main() -> None:
    """Run until libFuzzer has enough."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
