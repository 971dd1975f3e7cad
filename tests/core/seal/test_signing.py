"""The signing key is made on first use, kept for its owner alone, and refused when it is not."""

import subprocess
from pathlib import Path

import pytest

from inspector.model.errors import BundleError
from inspector.seal import SigningKey
from tests.core.seal.examples import public_pem


def test_made_on_first_use_for_its_owner_only(tmp_path: Path) -> None:
    """The first use makes a key file of mode 0600 in a folder of mode 0700; the next use finds the same key."""
    path = tmp_path / "new" / "signing.pem"
    first = SigningKey.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert SigningKey.load_or_create(path).keyid == first.keyid
    assert [each.name for each in path.parent.iterdir()] == ["signing.pem"]


def test_default_lies_in_the_users_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the key is in the XDG configuration folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    SigningKey.load_or_create(None)
    assert (tmp_path / "inspector" / "signing.pem").is_file()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A key file open to group or others is refused, and the error has the command that fixes it."""
    path = tmp_path / "signing.pem"
    SigningKey.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(BundleError, match="chmod 600"):
        SigningKey.load_or_create(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["genpkey", "-algorithm", "X25519"],
        ["genpkey", "-algorithm", "ED25519", "-aes128", "-pass", "pass:secret"],
        ["rand", "-hex", "40"],
    ],
    ids=["other algorithm", "password", "no key"],
)
def test_what_is_no_plain_ed25519_key_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """Another algorithm, a password or no key at all is refused with a remedy."""
    path = tmp_path / "signing.pem"
    path.write_bytes(subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout)
    path.chmod(0o600)
    with pytest.raises(BundleError) as refused:
        SigningKey.load_or_create(path)
    assert refused.value.remedy


def test_the_id_is_the_public_key(key: SigningKey) -> None:
    """The key id is the public key in hexadecimal, which openssl reads from the exported PEM too."""
    result = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=public_pem(key), check=True, capture_output=True
    ).stdout
    assert result[-32:].hex() == key.keyid


def test_reading_a_key_creates_none(tmp_path: Path) -> None:
    """Asking for a key that may not exist gives it or None, and writes nothing."""
    path = tmp_path / "new" / "signing.pem"
    assert SigningKey.existing(path) is None
    assert not path.parent.exists()
    made = SigningKey.load_or_create(path)
    found = SigningKey.existing(path)
    assert found
    assert found.keyid == made.keyid


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A half-made key is not left in hiding: the next process that makes one removes it."""
    left = tmp_path / ".signing.pem.0123456789abcdef"
    left.write_bytes(b"half a key")
    made = SigningKey.load_or_create(tmp_path / "signing.pem")
    assert [path.name for path in tmp_path.iterdir()] == ["signing.pem"]
    assert SigningKey.load_or_create(tmp_path / "signing.pem").keyid == made.keyid
