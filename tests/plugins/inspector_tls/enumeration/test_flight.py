"""Any first flight of a server is parsed: in any pieces, within bounds, without an exception."""

from __future__ import annotations

import struct
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_tls.enumeration.hello_profiles import hello, suites_of
from inspector_tls.enumeration.reply import Meaning, Reply, interpret
from inspector_tls.wire.alerts import Alert
from inspector_tls.wire.code_points import suite_named
from inspector_tls.wire.key_exchange import read_key
from inspector_tls.wire.server_flight import FLIGHT_BYTES, MESSAGE_BYTES, Flight, read_flight
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls.enumeration.responders import SERVER_HELLO, message, record

CERTIFICATE = bytes(range(256)) * 3


def vector(data: bytes, size: int = 3) -> bytes:
    """Bytes with their length in front."""
    return len(data).to_bytes(size, "big") + data


WHOLE = record(
    22,
    message(2, SERVER_HELLO + vector(struct.pack(">HHHHB", 23, 0, 0xFF01, 1, 0), 2))
    + message(11, vector(vector(CERTIFICATE) + vector(CERTIFICATE[:100])))
    + message(22, b"\x01" + vector(b"staple"))
    + message(12, b"key")
    + message(13, b"\x01\x01\x00\x00\x00\x00")
    + message(14, b""),
)
SSL_2 = b"\x80\x14" + b"\x04\x00\x01\x00\x02" + struct.pack(">HHH", 3, 6, 0) + b"der" + bytes.fromhex("010080020080")


def facts(flight: Flight) -> tuple[object, ...]:
    """All that was read."""
    return (
        flight.hello,
        flight.ssl_2,
        flight.certificates,
        flight.status,
        flight.key_exchange,
        flight.asks_certificate,
        flight.is_done,
        tuple(flight.alerts),
        flight.fault,
        flight.parsed_bytes,
    )


def test_a_whole_flight_is_read() -> None:
    """Hello, extensions, certificates, staple, key and the request for a certificate are found."""
    flight = read_flight(WHOLE)
    assert flight.hello is not None
    assert (flight.hello.version, flight.hello.suite) == (TlsVersion.TLS_1_2, 0x2F)
    assert flight.hello.extensions == {23: b"", 0xFF01: b"\x00"}
    assert flight.certificates == (CERTIFICATE, CERTIFICATE[:100])
    assert (flight.status, flight.key_exchange, flight.asks_certificate) == (b"staple", b"key", True)
    assert flight.is_done
    assert flight.parsed_bytes == len(WHOLE)


def test_the_hello_of_ssl_2_is_read() -> None:
    """The certificate and the cipher kinds of SSL 2.0 are found."""
    flight = read_flight(SSL_2)
    assert flight.ssl_2 is not None
    assert flight.ssl_2.certificate == b"der"
    assert flight.ssl_2.suites == (0x010080, 0x020080)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    """The result does not depend on how the bytes arrive."""
    places = sorted({0, len(WHOLE), *cuts})
    flight = Flight()
    for begin, end in pairwise(places):
        flight.feed(WHOLE[begin:end])
    assert facts(flight) == facts(read_flight(WHOLE))


@given(st.binary(max_size=600))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    """Parsing any bytes ends."""
    read_flight(data)


@settings(max_examples=400)
@given(
    st.sampled_from((WHOLE, SSL_2)),
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 1100),
)
def test_damaged_flights_are_read_without_an_exception(
    whole: bytes, damage: list[tuple[int, int]], length: int
) -> None:
    """A flight with some bytes changed or cut off is parsed as far as possible, and has one of four meanings."""
    data = bytearray(whole)
    for place, value in damage:
        data[place % len(data)] = value
    flight = read_flight(bytes(data[: length or None]))
    answer = interpret(hello(TlsVersion.TLS_1_2, suites_of(TlsVersion.TLS_1_2), None), Reply(flight, closed=True))
    assert answer.meaning in Meaning
    assert flight.parsed_bytes <= len(data)


@given(st.integers(0, len(WHOLE)))
def test_the_bytes_taken_parse_to_the_same_flight(length: int) -> None:
    """The bytes up to the last message that was read are enough to read the same from them."""
    flight = read_flight(WHOLE[:length])
    assert facts(read_flight(WHOLE[: flight.parsed_bytes])) == facts(flight)


@cache
def _key_suites() -> tuple[str, ...]:
    return (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        "TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
    )


@given(st.binary(max_size=80), st.sampled_from(_key_suites()), st.sampled_from((TlsVersion.SSL_3, TlsVersion.TLS_1_2)))
def test_any_key_is_read_without_an_exception(body: bytes, suite: str, version: TlsVersion) -> None:
    """Parsing any ServerKeyExchange gives a key or None."""
    read_key(body, suite_named(suite), version)


def test_a_key_modulo_a_prime_is_read() -> None:
    """Prime, generator, public value and scheme of a signed key are found; leading zeros do not count."""
    prime = b"\x00" + bytes((0x80,)) + bytes(127)
    body = vector(prime, 2) + vector(b"\x02", 2) + vector(b"\x05", 2) + b"\x08\x04" + vector(b"", 2)
    key = read_key(body, suite_named("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), TlsVersion.TLS_1_2)
    assert key is not None
    assert (key.bits, key.generator, key.signature) == (1024, b"\x02", 0x0804)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"HTTP/1.1 400 Bad Request", "not a TLS record"),
        (b"\x16\x03\x03\xff\xff", "a record is too long"),
        (record(22, message(11, bytes(3))), "handshake message 11 is out of place"),
        (record(22, message(2, SERVER_HELLO)) * 2, "handshake message 2 is out of place"),
        (record(22, b"\x02" + (MESSAGE_BYTES + 1).to_bytes(3, "big")), "a handshake message of 131077 bytes"),
        (record(22, message(2, SERVER_HELLO)) + record(22, b"\x0b\xff\xff\xff"), "message of 16777219 bytes"),
        (record(22, message(2, SERVER_HELLO)) + record(22, message(99, b"")), "handshake message 99: out of place"),
        (record(22, message(2, SERVER_HELLO[:30])), "handshake message 2: a message ends before it is whole"),
        (record(22, message(2, SERVER_HELLO)) + record(22, message(11, b"\x00\x00\x09")), "message 11: a message ends"),
        (record(22, message(0, b"")), "handshake message 0 is out of place"),
        (record(23, b"data"), "application data before the handshake is done"),
        (record(21, b"\x01\x5a") * 100, "too many alerts"),
        (record(22, b"") * 20_000, "too many records"),
    ],
)
def test_a_malformed_flight_has_its_fault(data: bytes, fault: str) -> None:
    """Each kind of malformed answer has its fault."""
    assert fault in read_flight(data).fault


def test_messages_before_a_fault_count() -> None:
    """A hello counts although the certificate after it is malformed."""
    flight = read_flight(record(22, message(2, SERVER_HELLO)) + record(22, message(11, b"\xff")))
    assert flight.fault
    assert flight.has_chosen


def test_an_oversized_message_is_refused_by_its_first_bytes() -> None:
    """A message of sixteen megabytes is refused before its record is complete."""
    flight = read_flight(record(22, message(2, SERVER_HELLO)) + b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff")
    assert flight.fault == "a handshake message of 16777219 bytes"


def test_memory_is_bounded() -> None:
    """An endless answer is cut off after a quarter of a megabyte."""
    flight = Flight()
    fed = 0
    while not flight.is_over:
        flight.feed(record(20, bytes(16_000)))
        fed += 16_005
    assert fed <= FLIGHT_BYTES + 2 * 16_005


def test_a_warning_is_no_end() -> None:
    """A hello after a warning about the name is read."""
    flight = read_flight(record(21, b"\x01\x70") + WHOLE)
    assert flight.is_done
    assert [(each.level, each.number) for each in flight.alerts] == [(1, 112)]


def test_nothing_follows_a_fatal_alert() -> None:
    """Bytes after the alert that ends the connection are not parsed (RFC 8446 §6.2)."""
    flight = read_flight(b"\x15\x03\x01\x00\x04\x02\x28\x01\x70")
    assert flight.is_over
    assert flight.alerts == [Alert(2, 40)]
