"""What a server sent is read, or fails as a protocol error, whatever the bytes are."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from inspector import ScanFailure
from inspector_ssh.key_exchange import oakley_prime
from inspector_ssh.transcript import StoredConnection, facts
from inspector_ssh.wire import (
    Message,
    identification,
    packet,
    packet_length,
    parse_extensions,
    parse_host_key,
    parse_kexinit,
    parse_login_failure,
    payload_of,
)
from tests.plugins.inspector_ssh.scripts import PLAIN

_PAYLOAD = PLAIN.kexinit()


@given(st.binary(max_size=300))
def test_any_payload_is_read_or_a_failure_of_the_scan(data: bytes) -> None:
    """No other exception leaves a parser."""
    for parse in (parse_kexinit, parse_host_key, identification, parse_extensions, parse_login_failure):
        with suppress(ScanFailure):
            parse(data)


@given(st.integers(0, len(_PAYLOAD) - 1), st.integers(0, 255))
def test_a_changed_kexinit_is_read_or_unseen(place: int, value: int) -> None:
    """One changed byte, or an end at it, gives an observation with or without the algorithms."""
    changed = _PAYLOAD[:place] + bytes((value,)) + _PAYLOAD[place + 1 :]
    for payload in (changed, _PAYLOAD[:place]):
        stored = StoredConnection(greeting=b"SSH-2.0-x\r\n", payloads=(payload,) if payload else ())
        seen = facts([stored])
        assert seen.algorithms.is_seen or not seen.host_keys


@given(st.binary(min_size=1, max_size=500))
def test_a_packet_carries_its_payload(payload: bytes) -> None:
    """Length and padding are as in RFC 4253 §6: a multiple of 8 bytes, at least 4 of them padding."""
    sent = packet(payload)
    assert len(sent) % 8 == 0
    assert len(sent) == 4 + packet_length(sent)
    assert sent[4] >= 4
    assert payload_of(sent[4:]) == payload


@pytest.mark.parametrize("length", [0, 7, 35_001, 2**32 - 1])
def test_packets_of_other_lengths_are_refused(length: int) -> None:
    """Neither shorter than one block nor longer than RFC 4253 §6.1 requires support for."""
    with pytest.raises(ScanFailure):
        packet_length(length.to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("key", "type_", "bits"),
    [
        (rsa.generate_private_key(65537, 2048), "ssh-rsa", 2048),
        (rsa.generate_private_key(65537, 1025), "ssh-rsa", 1025),
        (ec.generate_private_key(ec.SECP256R1()), "ecdsa-sha2-nistp256", 256),
        (ec.generate_private_key(ec.SECP384R1()), "ecdsa-sha2-nistp384", 384),
        (ec.generate_private_key(ec.SECP521R1()), "ecdsa-sha2-nistp521", 521),
        (Ed25519PrivateKey.generate(), "ssh-ed25519", 256),
    ],
    ids=lambda value: str(value) if isinstance(value, str | int) else type(value).__name__,
)
def test_sizes_are_those_of_the_keys(key: object, type_: str, bits: int) -> None:
    """The blob is that of cryptography, the size that of the generated key."""
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)  # type: ignore[attr-defined]
    seen = parse_host_key(base64.b64decode(line.split()[1]))
    assert (seen.type, seen.bits) == (type_, bits)


@pytest.mark.parametrize(("group", "bits"), [(1, 1024), (14, 2048), (15, 3072), (16, 4096), (17, 6144), (18, 8192)])
def test_moduli_have_the_lengths_of_their_groups(group: int, bits: int) -> None:
    """Each ends and begins with 64 ones, and 2 generates the subgroup of prime order of a probable safe prime."""
    modulus = oakley_prime(group)
    assert modulus.bit_length() == bits
    assert modulus >> bits - 64 == modulus & (1 << 64) - 1 == (1 << 64) - 1
    assert pow(2, (modulus - 1) // 2, modulus) == 1


@pytest.mark.parametrize(
    ("greeting", "seen"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", ("2.0", "OpenSSH_9.2p1", "Debian-2+deb12u3")),
        (b"hello\r\nSSH-1.99-Cisco-1.25\n", ("1.99", "Cisco-1.25", "")),
        (b"SSH-2.0-\r\n", ("2.0", "", "")),
    ],
)
def test_identification_strings_are_read(greeting: bytes, seen: tuple[str, str, str]) -> None:
    """Version, software and comments of the last line; a line feed alone ends it, too."""
    assert identification(greeting) == seen


def test_numbers_are_those_of_the_registry() -> None:
    """RFC 4250 §4.1.2 and RFC 4419 §5."""
    assert (Message.KEXINIT, Message.KEX_INIT, Message.KEX_REPLY, Message.GEX_REQUEST) == (20, 30, 31, 34)
