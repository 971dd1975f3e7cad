"""What of a server's text is kept, and what is replaced."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.network.redaction import masked, without_secrets


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
        (b"220 FTP server (vsFTPd 3.0.3)\r\n", b"220 FTP server (vsFTPd 3.0.3)\r\n"),
        (b"Apache/2.4.29 (Ubuntu) mod_ssl/2.4.29 PHP/7.4.3", b"Apache/2.4.29 (Ubuntu) mod_ssl/2.4.29 PHP/7.4.3"),
        (b"250-STARTTLS\r\n250 SIZE 10240\r\n", b"250-STARTTLS\r\n250 SIZE 10240\r\n"),
        (b"220 mx1.example.vn ESMTP s3cr3tT0ken\r\n", b"220 mx1.xxxxxxx.xx ESMTP x0xx0xX0xxx\r\n".replace(b"X", b"x")),
        (b"postgres://user:hunter22@db", b"xxxxxxxx://xxxx:xxxxxx00@xx"),
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


#: Texts with a secret that words, numbers and versions make up, so that the list alone would keep parts of it.
SECRETS = {
    b"postgres://app:Winter/2024@db:5432/x": b"postgres://xxx:xxxxxx/0000@db:5432/x",
    b"see redis://:12345@cache and https://admin@h/": b"see redis://:00000@cache and https://xxxxx@h/",
    b"Authorization: Basic admin:secret\r\nServer: x/1.2": b"Authorization: xxxxx xxxxx:xxxxxx\r\nServer: x/1.2",
    b"Bearer 12345 ok": b"Bearer 00000 ok",
    b"220 token=password; api-key: admin, ready": b"220 token=xxxxxxxx; api-key: xxxxx, ready",
    b"500 AKIAIOSFODNN7EXAMPLE.": b"500 xxxxxxxxxxxx0xxxxxxx.",
    b"ghp_16C7e42F292c6912E7710c8": b"xxx_00x0x00x000x0000x0000x0",
    b"glpat-user.01.0a1b2c3d4": b"xxxxx-xxxx.00.0x0x0x0x0",
    b"xoxb-1234-5678-user": b"xxxx-0000-0000-xxxx",
    b"sk_live_mail_1234": b"xx_xxxx_xxxx_0000",
    b"eyJhbGci.eyJzdWI.user-1_2": b"xxxxxxxx.xxxxxxx.xxxx-0_0",
    b"-----BEGIN RSA PRIVATE KEY-----\nab-1: 4\nAB/12+a1\n-----END": (
        b"-----BEGIN RSA PRIVATE KEY-----\nxx-0: 0\nxx/00+x0\n-----END"
    ),
}


@pytest.mark.parametrize("text", SECRETS)
def test_nothing_of_a_secret_is_kept(text: bytes) -> None:
    """Of what has the form of a secret no word, number or version stands; the text around it does."""
    assert without_secrets(text) == SECRETS[text]
    assert masked(text) == masked(SECRETS[text])


def test_json_stays_json() -> None:
    """What a backslash escapes is no part of a secret: a parser reads the text as before."""
    text = rb'{"a": "-----BEGIN PRIVATE KEY-----\nMII\u00e9\tE/\n-----END", "token": 12, "b": "token=a\n\"x"}'
    assert json.loads(without_secrets(text)) == {
        "a": "-----BEGIN PRIVATE KEY-----\nxxx\u00e9\tx/\n-----END",
        "token": 12,
        "b": 'token=x\n"x',
    }


FINGERPRINT = b"len=31,sha256=" + b"0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        b"220 FTP (vsFTPd 3.0.3)",
        b"331 Please specify the password.\r\nPassword: \r\nok",
        *(before + FINGERPRINT for before in (b"sid=", b"token: ", b"Authorization: ", b"bearer ")),
    ],
)
def test_other_texts_stay(text: bytes) -> None:
    """Prompts, versions and fingerprints have no form of a secret."""
    assert without_secrets(text) == text
