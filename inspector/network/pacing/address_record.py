"""The meter of an address as bytes, for where it is kept; a damaged record is recognised."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections import deque
from typing import Final

from inspector.network.pacing.address_meter import AddressMeter, RateValues

#: Identifies the record and its version.
_MAGIC: Final = b"InspRate"
#: Magic, CRC-32 of what follows, its length.
_HEAD: Final = struct.Struct("=8sII")
#: The start of the machine, five instants, rates, failures, numbers of demands, departures and slots, whether swept.
_BODY: Final = struct.Struct("=16s5d4I4I?")
_DEMAND: Final = struct.Struct("=4Id")


def packed(meter: AddressMeter, start: bytes) -> bytes:
    """The record of a meter, written at the start of the machine with this id."""
    assert meter.rates is not None  # noqa: S101  (who writes has demanded)
    body = b"".join(
        (
            _BODY.pack(
                start,
                meter.empty_at,
                meter.blocked_until,
                meter.swept_until,
                meter.changed_at,
                meter.written_at,
                *meter.rates,
                meter.failures,
                len(meter.demands),
                len(meter.times),
                len(meter.slots),
                meter.is_swept,
            ),
            *(_DEMAND.pack(*values, until) for values, until in meter.demands.items()),
            array("d", meter.times).tobytes(),
            array("I", meter.counts).tobytes(),
            meter.slots,
        )
    )
    return _HEAD.pack(_MAGIC, zlib.crc32(body), len(body)) + body


def unpacked(record: bytes, start: bytes) -> AddressMeter | None:
    """The meter of a record; None when it is damaged, or of another start of the machine."""
    if len(record) < _HEAD.size:
        return None
    magic, checksum, length = _HEAD.unpack_from(record)
    body = record[_HEAD.size : _HEAD.size + length]
    if magic != _MAGIC or len(body) != length or length < _BODY.size or zlib.crc32(body) != checksum:
        return None
    begun, empty_at, blocked_until, swept_until, changed_at, written_at, *rest = _BODY.unpack_from(body)
    if begun != start:
        return None
    *rates, failures, demands, departures, slots, is_swept = rest
    meter = AddressMeter()
    meter.empty_at, meter.blocked_until, meter.swept_until = empty_at, blocked_until, swept_until
    meter.changed_at, meter.written_at = changed_at, written_at
    meter.rates, meter.failures, meter.is_swept = RateValues(*rates), failures, is_swept
    at = _BODY.size
    for _each in range(demands):
        *values, until = _DEMAND.unpack_from(body, at)
        meter.demands[RateValues(*values)] = until
        at += _DEMAND.size
    meter.times = deque(array("d", body[at : (at := at + 8 * departures)]))
    meter.counts = deque(array("I", body[at : (at := at + 4 * departures)]))
    meter.slots = bytearray(body[at : at + slots])
    return meter
