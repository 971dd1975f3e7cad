"""What bytes and endings mean, whatever they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause
from inspector_tls.observations import TlsVersion
from inspector_tls.replies import Alert, Attempt, End, Hello, NotTls, Stack, answer, first_words, settle

SERVER_HELLO = bytes.fromhex("16030300310200002d0303") + bytes(32) + bytes.fromhex("00c02f000005ff01000100")
HELLO_RETRY = (
    bytes.fromhex("160303003402000030 0303") + bytes(32) + bytes.fromhex("00130100 0008 002b00020304 00000000")
)


def attempt(**changes: object) -> Attempt:
    """An attempt for TLS 1.0."""
    values = {"version": TlsVersion.TLS_1_0, "stack": Stack.MODERN, "end": End.TIMEOUT}
    return Attempt.model_validate({**values, **changes})


def test_hellos_and_alerts() -> None:
    """A server's hello tells its version, TLS 1.3 in an extension; an alert its number; warnings are passed over."""
    assert first_words(SERVER_HELLO) == Hello(TlsVersion.TLS_1_2)
    assert first_words(HELLO_RETRY) == Hello(TlsVersion.TLS_1_3)
    assert first_words(b"\x15\x03\x01\x00\x02\x02\x46") == Alert(70)
    assert first_words(b"\x15\x03\x01\x00\x02\x01\x70" + SERVER_HELLO) == Hello(TlsVersion.TLS_1_2)
    assert first_words(b"HTTP/1.1 400 Bad Request\r\n") == NotTls(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_hello_in_pieces_is_put_together() -> None:
    """A server's hello counts when it is spread over records, and not while a part is missing."""
    body = SERVER_HELLO[5:]
    pieces = b"".join(b"\x16\x03\x03\x00\x01" + bytes([octet]) for octet in body)
    assert first_words(pieces) == Hello(TlsVersion.TLS_1_2)
    assert all(first_words(SERVER_HELLO[:cut]) is None for cut in range(len(SERVER_HELLO)))


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    """No bytes whatever make the reader fail."""
    first_words(data)
    first_words(b"\x16\x03\x03\x01\x00" + data)
    first_words(SERVER_HELLO[:43] + data)


@given(
    st.lists(
        st.builds(
            attempt,
            end=st.sampled_from([End.TIMEOUT, End.RESET, End.REFUSED, End.UNREACHABLE, End.NOT_ASKED]),
            stack=st.sampled_from(Stack),
            received=st.sampled_from([b"", SERVER_HELLO[:20], b"\x15\x03"]),
        ),
        max_size=6,
    )
)
def test_troubles_alone_are_never_an_answer(attempts: list[Attempt]) -> None:
    """However many timeouts and resets there are, and in whatever order, nothing was seen."""
    assert not settle(attempts).is_seen


def test_a_refusal_needs_every_hello() -> None:
    """A version is refused only when both kinds of hello were refused; one acceptance decides."""
    refused = attempt(received=b"\x15\x03\x01\x00\x02\x02\x46")
    accepted = attempt(received=SERVER_HELLO.replace(b"\x03\x03\x00\x00", b"\x03\x01\x00\x00", 1))
    legacy_timeout = attempt(stack=Stack.LEGACY)
    assert answer(accepted).value
    assert settle([refused, legacy_timeout]).unseen is Cause.TIMEOUT
    assert settle([refused, legacy_timeout, refused.model_copy(update={"stack": Stack.LEGACY})]).value is False
    assert settle([refused, accepted]).value is True


def test_an_unknown_server_name_says_nothing_of_versions() -> None:
    """The alert that a name is not known is no refusal of a version, however often it comes."""
    unknown = attempt(received=b"\x15\x03\x01\x00\x02\x02\x70")
    assert settle([unknown, unknown]).unseen is Cause.PROTOCOL_ERROR
