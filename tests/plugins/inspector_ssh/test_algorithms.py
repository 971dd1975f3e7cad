"""Which names of algorithms are weak, known or unknown."""

from __future__ import annotations

import pytest

from inspector_ssh.algorithms import (
    CIPHERS,
    HOST_KEY,
    KEY_EXCHANGE,
    MACS,
    Strength,
    group_bits,
    is_aead,
    is_cbc,
    is_finite_field,
    is_post_quantum,
)
from inspector_ssh.transcript import key_type

WEAK: list[tuple[Strength, str]] = [
    (KEY_EXCHANGE, "diffie-hellman-group1-sha1"),
    (KEY_EXCHANGE, "diffie-hellman-group14-sha1"),
    (KEY_EXCHANGE, "diffie-hellman-group-exchange-sha1"),
    (KEY_EXCHANGE, "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g=="),
    (KEY_EXCHANGE, "gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g=="),
    (KEY_EXCHANGE, "gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g=="),
    (KEY_EXCHANGE, "rsa1024-sha1"),
    (CIPHERS, "none"),
    (CIPHERS, "arcfour"),
    (CIPHERS, "arcfour256"),
    (CIPHERS, "3des-cbc"),
    (CIPHERS, "3des-ctr"),
    (CIPHERS, "des-cbc@ssh.com"),
    (CIPHERS, "blowfish-cbc"),
    (CIPHERS, "cast128-cbc"),
    (CIPHERS, "idea-cbc"),
    (MACS, "none"),
    (MACS, "hmac-md5"),
    (MACS, "hmac-md5-96-etm@openssh.com"),
    (MACS, "hmac-sha1-96"),
    (HOST_KEY, "ssh-dss"),
    (HOST_KEY, "ssh-rsa"),
    (HOST_KEY, "ssh-rsa-cert-v01@openssh.com"),
    (HOST_KEY, "x509v3-sign-rsa"),
    (HOST_KEY, "ssh-dss-sha256@ssh.com"),
]
KNOWN: list[tuple[Strength, str]] = [
    (KEY_EXCHANGE, "curve25519-sha256"),
    (KEY_EXCHANGE, "curve25519-sha256@libssh.org"),
    (KEY_EXCHANGE, "diffie-hellman-group-exchange-sha256"),
    (KEY_EXCHANGE, "diffie-hellman-group14-sha256"),
    (KEY_EXCHANGE, "diffie-hellman-group14-sha256@ssh.com"),
    (KEY_EXCHANGE, "gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g=="),
    (KEY_EXCHANGE, "gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g=="),
    (KEY_EXCHANGE, "mlkem768x25519-sha256"),
    (KEY_EXCHANGE, "sntrup761x25519-sha512@openssh.com"),
    (KEY_EXCHANGE, "kex-strict-s-v00@openssh.com"),
    (KEY_EXCHANGE, "ext-info-s"),
    (CIPHERS, "aes128-cbc"),
    (CIPHERS, "aes256-gcm@openssh.com"),
    (CIPHERS, "rijndael-cbc@lysator.liu.se"),
    (CIPHERS, "chacha20-poly1305@openssh.com"),
    (CIPHERS, "AEAD_AES_256_GCM"),
    (MACS, "hmac-sha1"),
    (MACS, "hmac-sha2-512-etm@openssh.com"),
    (MACS, "hmac-sha256-2@ssh.com"),
    (MACS, "umac-64-etm@openssh.com"),
    (HOST_KEY, "rsa-sha2-512"),
    (HOST_KEY, "rsa-sha2-256-cert-v01@openssh.com"),
    (HOST_KEY, "ssh-rsa-sha256@ssh.com"),
    (HOST_KEY, "ssh-ed25519"),
    (HOST_KEY, "ecdsa-sha2-nistp521"),
    (HOST_KEY, "sk-ssh-ed25519@openssh.com"),
    (HOST_KEY, "ssh-mldsa44-ed25519@openssh.com"),
]


@pytest.mark.parametrize(("strength", "name"), WEAK, ids=str)
def test_weak_algorithms_are_weak(strength: Strength, name: str) -> None:
    """Each is weak, and therefore known."""
    assert strength.is_weak(name)
    assert strength.is_known(name)


@pytest.mark.parametrize(("strength", "name"), KNOWN, ids=str)
def test_other_algorithms_are_known(strength: Strength, name: str) -> None:
    """Each is known and not weak."""
    assert not strength.is_weak(name)
    assert strength.is_known(name)


@pytest.mark.parametrize("strength", [KEY_EXCHANGE, CIPHERS, MACS, HOST_KEY])
@pytest.mark.parametrize("name", ["", "future@example.com", "xcurve25519-sha256", "aes128-ctrx", "hmac-sha2-2567"])
def test_names_are_compared_as_a_whole(strength: Strength, name: str) -> None:
    """A name that resembles a known one is unknown."""
    assert not strength.is_known(name)


def test_groups_have_their_sizes() -> None:
    """The number in the name gives the size, also with GSS-API; other methods have none."""
    assert group_bits("diffie-hellman-group1-sha1") == group_bits("gss-group1-sha1-x") == 1024
    assert group_bits("diffie-hellman-group18-sha512") == 8192
    assert group_bits("diffie-hellman-group99-sha512") is None
    assert group_bits("diffie-hellman-group-exchange-sha256") is None
    assert group_bits("curve25519-sha256") is None


def test_classes_follow_from_names() -> None:
    """Finite fields, post-quantum methods, CBC and AEAD are told apart by name."""
    assert is_finite_field("gss-gex-sha1-x")
    assert not is_finite_field("gss-nistp256-sha256-x")
    assert is_post_quantum("sntrup761x25519-sha512")
    assert not is_post_quantum("sntrup4591761x25519-sha512@tinyssh.org")
    assert is_cbc("rijndael-cbc@lysator.liu.se")
    assert not is_cbc("aes128-ctr")
    assert is_aead("aes256-gcm@openssh.com")
    assert not is_aead("aes256-ctr")


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa", "ssh-rsa-sha256@ssh.com"])
def test_rsa_algorithms_share_one_key(algorithm: str) -> None:
    """One connection shows the key of all of them."""
    assert key_type(algorithm) == "ssh-rsa"
