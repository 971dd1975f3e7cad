"""What of a server's text is kept, and what is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.network.redaction import masked


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
        (b"220 FTP server (vsFTPd 3.0.3)\r\n", b"220 FTP server (vsFTPd 3.0.3)\r\n"),
        (b"Apache/2.4.29 (Ubuntu) mod_ssl/2.4.29 PHP/7.4.3", b"Apache/2.4.29 (Ubuntu) mod_ssl/2.4.29 PHP/7.4.3"),
        (b"250-STARTTLS\r\n250 SIZE 10240\r\n", b"250-STARTTLS\r\n250 SIZE 10240\r\n"),
        (b"220 mx1.example.vn ESMTP s3cr3tT0ken\r\n", b"220 mx1.xxxxxxx.xx ESMTP x0xx0xX0xxx\r\n".replace(b"X", b"x")),
        (b"postgres://user:hunter22@db", b"xxxxxxxx://user:xxxxxx00@xx"),
    ],
)
def test_versions_and_protocol_words_are_kept(text: bytes, kept: bytes) -> None:
    """Products with versions, codes and commands stay; other words keep their shape only."""
    assert masked(text) == kept


@given(st.binary(max_size=200))
def test_the_shape_stays(data: bytes) -> None:
    """Length, line ends, punctuation and the places of digits stay, and masking again changes nothing."""
    result = masked(data)
    assert len(result) == len(data)
    assert masked(result) == result
    for before, after in zip(data, result, strict=True):
        assert chr(before).isascii() is False or chr(before).isalnum() or before == after
        assert (0x30 <= before <= 0x39) == (0x30 <= after <= 0x39)


@given(
    st.from_regex(rb"[A-Z][a-z][0-9][A-Za-z]{3}[0-9][A-Za-z0-9]{6,30}", fullmatch=True),
    st.sampled_from([b" ", b":", b"/", b"@"]),
)
def test_tokens_are_replaced(token: bytes, between: bytes) -> None:
    """A token of letters and digits is kept in no text."""
    assert token not in masked(b"220 ESMTP" + between + token + between + b"ready\r\n")
