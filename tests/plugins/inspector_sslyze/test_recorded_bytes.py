"""What recorded bytes show in clear text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_sslyze import recorded_bytes
from inspector_tls.wire.alerts import AlertNumber
from inspector_tls.wire.encoding import vector
from inspector_tls.wire.records import Message, MessageReader, OversizedMessage, RecordReader
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls.enumeration.responders import SERVER_HELLO, message, record
from tests.plugins.inspector_tls.enumeration.simulated import RETRY

_CHAIN = vector(vector(b"der", 3), 3)
_FLIGHT = record(22, message(2, SERVER_HELLO) + message(11, _CHAIN)) + record(22, message(14, b""))
_CHANGE = record(20, b"\x01")
_ALERT = record(21, bytes((2, AlertNumber.BAD_RECORD_MAC)))


def _retry(group: bytes) -> bytes:
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33" + vector(group, 2)
    return record(22, message(2, b"\x03\x03" + RETRY + b"\x00\x13\x01\x00" + vector(extensions, 2)))


def test_a_whole_flight_is_seen() -> None:
    """Version, certificates and the end of the first flight are found; there is no alert or heartbeat."""
    assert recorded_bytes.hello_version(_FLIGHT) is TlsVersion.TLS_1_2
    assert recorded_bytes.certificates(_FLIGHT) == (b"der",)
    assert recorded_bytes.is_hello_done(_FLIGHT)
    assert not recorded_bytes.is_hello_done(_FLIGHT[:-1])
    assert not recorded_bytes.has_heartbeat(_FLIGHT)
    assert recorded_bytes.alerts(_FLIGHT) == []


def test_records_after_change_cipher_spec_are_not_in_clear_text() -> None:
    """Alerts after the server's ChangeCipherSpec are encrypted, and are not parsed."""
    assert recorded_bytes.alerts(_FLIGHT + _ALERT) == [20]
    assert recorded_bytes.alerts(_FLIGHT + _CHANGE + _ALERT) == []


def test_alerts_after_the_first_flight_are_distinguished() -> None:
    """An alert before ServerHelloDone does not count as an answer to what the client sent after it."""
    warning = record(21, b"\x01\x70")
    assert recorded_bytes.alerts_after_hello(warning + _FLIGHT) == []
    assert recorded_bytes.alerts_after_hello(warning + _FLIGHT + _ALERT) == [20]


@pytest.mark.parametrize(("data", "group"), [(_retry(b"\x00\x18"), 24), (_retry(b""), 0), (_FLIGHT, None), (b"", None)])
def test_a_hello_retry_request_names_its_group(data: bytes, group: int | None) -> None:
    """The group of a HelloRetryRequest, 0 where none is named, None without such a request."""
    assert recorded_bytes.retry_group(data) == group


@pytest.mark.parametrize("last", [record(24, b"\x02"), b"\x18\x03", b"\x18\x03\x03\xff\xff"])
def test_a_heartbeat_is_seen_from_its_first_bytes(last: bytes) -> None:
    """A heartbeat counts though its record is cut short."""
    assert recorded_bytes.has_heartbeat(_FLIGHT + last)


def test_application_data_or_an_alert_comes_first() -> None:
    """Of the encrypted records after so many bytes the first decides."""
    data, alert = record(23, b"data"), record(21, bytes(16))
    since = len(_FLIGHT + _CHANGE)
    assert recorded_bytes.speaks_first(_FLIGHT + _CHANGE + data + alert, since)
    assert not recorded_bytes.speaks_first(_FLIGHT + _CHANGE + alert + data, since)
    assert not recorded_bytes.speaks_first(_FLIGHT + _CHANGE + data, since + len(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    """Any bytes are parsed without an exception."""
    for question in (
        recorded_bytes.hello_version,
        recorded_bytes.retry_group,
        recorded_bytes.certificates,
        recorded_bytes.alerts_after_hello,
        recorded_bytes.has_heartbeat,
    ):
        question(_FLIGHT[: len(data)] + data)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=6), st.integers(1, 40))
def test_messages_do_not_depend_on_their_records(messages: list[tuple[int, bytes]], size: int) -> None:
    """However messages are split into records and records into reads, the same messages come out."""
    stream = b"".join(message(kind, body) for kind, body in messages)
    data = b"".join(record(22, stream[at : at + size]) for at in range(0, len(stream), size))
    records, reader = RecordReader(), MessageReader(60)
    found: list[Message] = []
    for at in range(0, len(data), 7):
        records.feed(data[at : at + 7])
        while (each := records.next()) is not None:
            reader.feed(each.body)
        while (whole := reader.next()) is not None:
            found.append(whole)
    assert [(each.kind, each.body) for each in found] == messages
    assert records.consumed == len(data)


def test_a_message_that_is_too_long_is_refused_by_its_header() -> None:
    """The header decides, even if its last bytes are in the next record."""
    reader = MessageReader(60)
    reader.feed(b"\x0b\x00")
    with pytest.raises(OversizedMessage, match="of 65 bytes"):
        reader.check_size(b"\x00\x3d")
    reader.check_size(b"\x00\x3c")
