"""What a user names as a document, key or list is a regular file, or it is refused at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.cli.exit_code import load_baseline
from inspector.declare import authorisation, declaration, settings, statement
from inspector.declare.settings import Settings
from inspector.model.errors import InspectorError
from inspector.pipeline.trust import load_trust
from inspector.registry import lock
from inspector.seal import SigningKey
from inspector.tables.public_roots import roots_of_settings

READERS: dict[str, Callable[[Path], object]] = {
    "authorisation": authorisation.load,
    "baseline": load_baseline,
    "declaration": lambda path: declaration.load(path, {}),
    "plugins.lock": lock.load,
    "public roots": lambda path: roots_of_settings(Settings(public_roots=path)),
    "settings": lambda path: settings.load(path, {}, {}),
    "signing key": SigningKey.load_or_create,
    "statements": lambda path: statement.load(path, inspecting=(), systems=None),
    "trust roots": lambda path: load_trust(Settings(trust_roots=(path,))),
}


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_to_terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


@pytest.mark.parametrize("make", [_folder, _pipe, _socket, _link_to_device, _link_to_terminal])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_regular_file_is_refused_at_once(
    make: Callable[[Path], None], reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, pipe, socket or device is an error in words, and nobody waits for data."""
    if (make, reader) == (_folder, "trust roots"):
        return  # a folder of roots
    monkeypatch.chdir(tmp_path)
    make(Path("x"))
    with pytest.raises(InspectorError, match=r"x\b"):
        READERS[reader](Path("x"))


@pytest.mark.parametrize("key", ["output", "plugins_lock", "public_roots", "signing_key"])
def test_a_path_with_a_null_character_is_refused(key: str, tmp_path: Path) -> None:
    """TOML can write one; it is a located error."""
    path = tmp_path / "inspector.toml"
    path.write_text(f'{key} = "a\\u0000b"\n')
    with pytest.raises(InspectorError, match=r"inspector\.toml:1:.* contains a null character; remove it"):
        settings.load(path, {}, {})
