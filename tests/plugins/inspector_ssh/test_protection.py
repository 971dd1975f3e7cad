"""Encrypted packets, by vectors and by what one end sends and the other receives."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import ScanFailure
from inspector_ssh.protection import Keys, Protection, protection, protection_for
from inspector_ssh.wire import packet_length, payload_of

CHOSEN = [
    ("aes128-gcm@openssh.com", ""),
    ("aes256-gcm@openssh.com", ""),
    ("chacha20-poly1305@openssh.com", ""),
    ("aes192-ctr", "hmac-sha2-256-etm@openssh.com"),
    ("aes256-ctr", "hmac-sha1"),
]


def keys() -> Keys:
    """Keys that depend on the letter alone."""
    return Keys(lambda letter, size: (hashlib.sha512(letter).digest() * 2)[:size], iv=b"A", cipher=b"C", mac=b"E")


def received(protected: Protection, data: bytes) -> bytes:
    """The payload of one packet."""
    header = data[: protected.header_bytes]
    size = 4 + packet_length(protected.length(header))
    assert len(data) == size + protected.tag_bytes
    return payload_of(protected.opened(data)[4:])


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda each: each[0])
@given(payloads=st.lists(st.binary(min_size=1, max_size=100), max_size=5), sequence=st.integers(0, 1 << 20))
def test_what_is_sealed_is_opened(chosen: tuple[str, str], payloads: list[bytes], sequence: int) -> None:
    """In their order, with the same keys and numbers."""
    sending, receiving = (protection(chosen, sequence, keys()) for _ in range(2))
    assert [received(receiving, sending.sealed(each)) for each in payloads] == payloads
    assert sending.sequence == receiving.sequence == sequence + len(payloads)


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda each: each[0])
@given(position=st.integers(4, 200), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(chosen: tuple[str, str], position: int, bit: int) -> None:
    """Wherever it is after the length field."""
    sealed = bytearray(protection(chosen, 3, keys()).sealed(b"\x06ssh-userauth"))
    sealed[min(position, len(sealed) - 1)] ^= 1 << bit
    with pytest.raises(ScanFailure):
        received(protection(chosen, 3, keys()), bytes(sealed))


@pytest.mark.parametrize("chosen", CHOSEN[2:], ids=lambda each: each[0])
def test_a_packet_of_another_number_is_noticed(chosen: tuple[str, str]) -> None:
    """The tag covers the number of the packet; AES-GCM counts by itself."""
    sealed = protection(chosen, 3, keys()).sealed(b"\x06ssh-userauth")
    with pytest.raises(ScanFailure):
        received(protection(chosen, 4, keys()), sealed)


@pytest.mark.parametrize(
    ("ciphers", "macs", "chosen"),
    [
        (["aes256-ctr", "aes256-gcm@openssh.com"], [], ("aes256-gcm@openssh.com", "")),
        (["aes256-ctr"], ["umac-64@openssh.com", "hmac-sha2-512"], ("aes256-ctr", "hmac-sha2-512")),
        (["aes256-ctr"], ["umac-64@openssh.com"], None),
        (["aes128-cbc", "3des-cbc"], ["hmac-sha2-256"], None),
    ],
)
def test_a_cipher_and_a_mac_that_both_ends_have(
    ciphers: list[str], macs: list[str], chosen: tuple[str, str] | None
) -> None:
    """AEAD first; a cipher that needs a MAC is chosen with one only."""
    assert protection_for(ciphers, macs) == chosen
