"""The key that signs bundles: Ed25519 in a PEM file."""

from __future__ import annotations

import glob
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from securesystemslib.exceptions import UnverifiedSignatureError

# Both are public there, only not marked as re-exported.
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey  # type: ignore[attr-defined]

from inspector.declare.settings import user_folder
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.seal.atomic_files import FILE_MODE, exclusive, make_folder, sync_folder, writing
from inspector.seal.layout import is_sha256


def default_path() -> Path:
    """The key's default path: ``inspector/signing.pem`` in the user's configuration folder (XDG)."""
    return user_folder() / "signing.pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key. Its id *is* the public key in hexadecimal, so the key id suffices to check a signature."""

    private: Ed25519PrivateKey

    @classmethod
    def load_or_create(cls, path: Path | None = None) -> SigningKey:
        """The key in the PKCS #8 PEM file at ``path``, created on first use with mode 0600.

        Raises BundleError when others may read the file, or when it is no such key.
        """
        path = default_path() if path is None else path
        if not path.exists():
            _create(path)
        return cls(_load(path))

    @classmethod
    def existing(cls, path: Path | None = None) -> SigningKey | None:
        """The key of ``load_or_create`` if it exists; none is created. Raises BundleError."""
        path = default_path() if path is None else path
        return cls(_load(path)) if path.exists() else None

    @property
    def keyid(self) -> str:
        """The public key: 32 bytes in lower-case hexadecimal."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @property
    def signer(self) -> CryptoSigner:
        """The key as a signer of securesystemslib."""
        return CryptoSigner(self.private, SSlibKey.from_crypto(self.private.public_key(), keyid=self.keyid))


def signed_by(keyid: str, signature: Signature, message: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made with the key of this id."""
    if not is_sha256(keyid):  # an Ed25519 public key has as many digits
        return False
    try:
        SSlibKey(keyid, "ed25519", "ed25519", {"public": keyid}).verify_signature(signature, message)
    except (UnverifiedSignatureError, ValueError):
        return False
    return True


def _create(path: Path) -> None:
    """Write a new key to ``path``, unless another process already has; what a killed one left is removed."""
    make_folder(path.parent)
    with exclusive(path.parent), writing(path):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
            left.unlink(missing_ok=True)
        if path.exists():
            return
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(descriptor)
            temporary.rename(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        pem = read_regular(path, 2**16)
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BundleError(
                FormattedMessage("{path}: others may read this signing key", path=path),
                remedy=FormattedMessage("run: chmod 600 {path}", path=path),
            )
    except OSError as error:
        raise BundleError(
            FormattedMessage("{path}: the signing key cannot be read: {reason}", path=path, reason=error.strerror),
            remedy="name another in signing_key",
        ) from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError):
        raise BundleError(
            FormattedMessage("{path}: is not an unencrypted PKCS #8 key", path=path),
            remedy="name another file in signing_key, or move this one away",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(
            FormattedMessage("{path}: is not an Ed25519 key", path=path),
            remedy="create one: openssl genpkey -algorithm ed25519",
        )
    return key
