"""A key and a sealed bundle."""

from pathlib import Path

import pytest

from inspector.seal import Bundle, SigningKey
from tests.core.seal.examples import sealed


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The inspector's own key."""
    return SigningKey.load_or_create(tmp_path_factory.mktemp("key") / "signing.pem")


@pytest.fixture(scope="session")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The key of an untrusted signer."""
    return SigningKey.load_or_create(tmp_path_factory.mktemp("untrusted") / "signing.pem")


@pytest.fixture
def bundle(tmp_path: Path, key: SigningKey) -> Bundle:
    """A sealed bundle of two scans."""
    return sealed(tmp_path, key)
