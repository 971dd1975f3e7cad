"""ClientHellos: encoding and decoding."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlslite.messages import ClientHello
from tlslite.utils.codec import Parser

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.enumeration.hello_profiles import HelloSize
from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.client_hello import BadHello, Hello, decode, encode
from inspector_tls.wire.versions import TlsVersion

_NAME = "www.a-name-of-usual-length.example.vn"
_code = st.integers(0, 0xFFFF)
_codes = st.lists(_code, max_size=400).map(tuple)
_few = st.lists(_code, max_size=8, unique=True).map(tuple)
_fixed = st.lists(st.sampled_from((5, 15, 18, 22, 23, 35, 45, 0x2A2A, 0xFF01)), unique=True, max_size=8).map(tuple)


@st.composite
def hellos(draw: st.DrawFn) -> Hello:
    """Any hello."""
    version = draw(st.sampled_from([each for each in TlsVersion if each is not TlsVersion.SSL_2]))
    is_tls_1_3 = version is TlsVersion.TLS_1_3
    return Hello(
        version=version,
        suites=draw(_codes),
        server_name=draw(st.none() | st.from_regex(r"[a-z0-9]{1,20}(\.[a-z]{2,9}){1,3}", fullmatch=True)),
        groups=draw(_few),
        signatures=draw(_few),
        certificate_signatures=draw(_few),
        shares=tuple(draw(st.lists(st.sampled_from(wire.SHAREABLE), unique=True))) if is_tls_1_3 else (),
        compressions=draw(st.sampled_from(((0,), (1, 0)))),
        extensions=draw(_fixed),
        older_versions=(TlsVersion.TLS_1_2, TlsVersion.TLS_1_0)[: draw(st.integers(0, 2))] if is_tls_1_3 else (),
        cookie=draw(st.sampled_from((b"", b"\x00\x03abc"))) if is_tls_1_3 else b"",
    )


@given(hellos())
def test_a_hello_reads_back_as_it_was_described(hello: Hello) -> None:
    """A hello decodes to the value that was encoded."""
    assert decode(encode(hello)) == hello


@given(hellos(), st.integers(0, 3000))
def test_padding_reaches_the_least_length(hello: Hello, least: int) -> None:
    """A hello has at least the requested length, and at most four bytes more than that or than without padding."""
    plain = len(encode(hello))
    assert max(plain, least) <= len(encode(hello._replace(least_bytes=least))) <= max(plain, least) + 6


@given(hellos())
def test_another_parser_reads_the_same(hello: Hello) -> None:
    """tlslite-ng finds the same suites, name and groups in the bytes."""
    parser = Parser(bytearray(encode(hello)[6:]))
    theirs = ClientHello().parse(parser)
    assert tuple(theirs.cipher_suites) == hello.suites
    assert (bytes(theirs.server_name).decode() or None) == hello.server_name
    if hello.groups:
        assert tuple(theirs.getExtension(10).groups) == hello.groups


@given(st.binary(max_size=300))
def test_other_bytes_are_no_hello(data: bytes) -> None:
    """Other bytes raise BadHello, and no other exception."""
    with contextlib.suppress(BadHello):
        decode(data)


def test_ssl_2_has_a_hello_of_its_own() -> None:
    """The hello of SSL 2.0 lists every cipher kind in three bytes."""
    hello = offers.ssl_2_hello()
    sent = encode(hello)
    assert sent[:1] == b"\x80"
    assert sent[2:5] == b"\x01\x00\x02"
    assert decode(sent) == hello


@pytest.mark.parametrize("version", [each for each in TlsVersion if each is not TlsVersion.SSL_2])
def test_a_small_hello_is_small(version: TlsVersion) -> None:
    """A small hello stays below 512 bytes under a name of usual length."""
    hello = offers.hello(version, offers.common_suites(version), _NAME, HelloSize.SMALL)
    assert len(encode(hello)) < 512


@pytest.mark.parametrize("version", [each for each in TlsVersion if each.age > TlsVersion.SSL_3.age])
@pytest.mark.parametrize("count", [1, 40, 120, 180, 500])
def test_a_full_hello_is_never_256_to_511_bytes_long(version: TlsVersion, count: int) -> None:
    """Some load balancers hang on hellos of 256 to 511 bytes: a full one is longer."""
    hello = offers.hello(version, offers.suites_of(version)[:count], _NAME)
    assert len(encode(hello)) >= 512


def test_ssl_3_is_asked_without_extensions() -> None:
    """A hello of SSL 3.0 ends with its compressions, and signals secure renegotiation by a suite (RFC 5746 §3.3)."""
    sent = encode(offers.hello(TlsVersion.SSL_3, offers.suites_of(TlsVersion.SSL_3), _NAME))
    assert sent[-3:] == b"\x02\x01\x00"
    assert 0x00FF in decode(sent).suites


def test_without_a_name_none_is_sent() -> None:
    """No server name is sent for an address literal."""
    assert decode(encode(offers.hello(TlsVersion.TLS_1_2, (1,), None))).server_name is None
