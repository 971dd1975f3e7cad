"""A pin holds for every file of a distribution, and is compared before anything is imported."""

import importlib
import py_compile
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.model.errors import PluginError, UsageError
from inspector.registry import lock
from inspector.registry.distributions import forget_contents
from inspector.registry.lock import PluginLock, lock_of_installed
from inspector.registry.registry import installed
from tests.core.registry.installing import install

#: A plugin that leaves a mark beside itself when it is imported.
MODULE = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n"
WHOLE = {
    "lock_pack/__init__.py": MODULE,
    "lock_pack/table.csv": "1,2\n",
    "lock_other.py": "value = 1\n",
    "lock_start.pth": "# nothing\n",
}
SINGLE = {"lock_single.py": MODULE}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages on the import path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "pycache_prefix", sys.pycache_prefix)
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    installed.cache_clear()
    yield folder
    for name in [each for each in sys.modules if each.startswith("lock_")]:
        del sys.modules[name]
    installed.cache_clear()


def pin(folder: Path, *names: str) -> Path:
    """A lock of what is installed, only of these plugins."""
    forget_contents()
    kept = [each for each in lock_of_installed().plugins if each.name in names]
    path = folder / "plugins.lock"
    path.write_text(PluginLock(plugins=tuple(kept)).model_dump_json())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as refused:
        lock.pinned(path)
    return str(refused.value)


def imported(place: Path) -> list[Path]:
    return list(place.rglob("*.imported"))


def test_pinned_plugins_are_loaded_and_no_others(place: Path, tmp_path: Path) -> None:
    """Neither comparing nor loading imports a plugin that is not pinned."""
    install(place, "lock_pack", WHOLE)
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_pack")
    assert imported(place) == []
    assert [each.name for each in lock.pinned(path).plugins] == ["lock_pack"]
    assert [each.name for each in imported(place)] == ["__init__.imported"]


CHANGES = {
    "module": "lock_pack/__init__.py",
    "data": "lock_pack/table.csv",
    "other module": "lock_other.py",
    "path file": "lock_start.pth",
}


@pytest.mark.parametrize("file", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_file_is_noticed(place: Path, tmp_path: Path, file: str) -> None:
    """Whichever file of the distribution it is."""
    install(place, "lock_pack", WHOLE)
    path = pin(tmp_path, "lock_pack")
    (place / file).write_text("# changed\n")
    assert f"is altered: {file} is not what was installed" in refusal(path)
    assert imported(place) == []


def test_without_a_list_of_files_those_of_the_package_count(place: Path, tmp_path: Path) -> None:
    """A distribution that was not installed from a wheel is pinned by what its entry points name."""
    install(place, "lock_pack", WHOLE, listed=False)
    path = pin(tmp_path, "lock_pack")
    (place / "lock_pack" / "table.csv").write_text("# changed\n")
    assert "is lock-pack 1.0 (lock_pack, " in refusal(path)


def test_a_missing_file_is_noticed(place: Path, tmp_path: Path) -> None:
    """A file that was installed and is gone."""
    install(place, "lock_pack", WHOLE)
    path = pin(tmp_path, "lock_pack")
    (place / "lock_pack" / "table.csv").unlink()
    assert "is altered: lock_pack/table.csv is missing" in refusal(path)


@pytest.mark.parametrize("file", ["lock_pack/extra.py", "lock_pack/deep/extra.txt", "lock_pack/sourceless.pyc"])
def test_an_added_file_is_noticed(place: Path, tmp_path: Path, file: str) -> None:
    """A file in the package that was not installed with it."""
    install(place, "lock_pack", WHOLE)
    path = pin(tmp_path, "lock_pack")
    (place / file).parent.mkdir(exist_ok=True)
    (place / file).write_text("")
    assert f"{file} is not part of the distribution" in refusal(path)


@pytest.mark.parametrize("installed_again", [True, False], ids=["other-build", "changed"])
def test_a_plugin_of_one_module_is_pinned_by_its_bytes(place: Path, tmp_path: Path, installed_again: bool) -> None:
    """It has no folder, and its digest is of its file all the same; a build with other bytes is another one."""
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_single")
    changed = {"lock_single.py": MODULE + "# changed\n"}
    if installed_again:
        install(place, "lock_single", changed)
        assert "and is lock-single 1.0 (lock_single, " in refusal(path)
    else:
        (place / "lock_single.py").write_text(changed["lock_single.py"])
        assert "is altered: lock_single.py is not what was installed" in refusal(path)


@pytest.mark.parametrize("shadow", ["lock_single/__init__.py", "../first/lock_single.py"])
def test_another_module_of_the_name_is_noticed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: str
) -> None:
    """A module that would be imported instead of the installed one is not part of the distribution."""
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_single")
    (place / shadow).parent.mkdir()
    (place / shadow).write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    importlib.invalidate_caches()
    assert "is not part of the distribution" in refusal(path)


def test_a_strangers_distribution_under_a_pinned_name_is_noticed(place: Path, tmp_path: Path) -> None:
    """The pin names the distribution, not only the entry point."""
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_single")
    shutil.rmtree(place)
    install(place, "lock_single", SINGLE, name="stranger")
    assert "is pinned as lock-single 1.0 (lock_single, " in refusal(path)
    assert "and is stranger 1.0 (lock_single, " in refusal(path)


def test_two_distributions_with_one_name_are_refused(place: Path, tmp_path: Path) -> None:
    """With or without a lock; the message names both."""
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_single")
    install(place, "lock_single", SINGLE, name="stranger")
    for load in (installed, lambda: lock.pinned(path)):
        with pytest.raises(PluginError, match=r"'lock_single' is announced by .*(stranger|lock-single) 1.0") as refused:
            load()
        assert "stranger 1.0" in str(refused.value)
        assert "lock-single 1.0" in str(refused.value)
    assert imported(place) == []


def test_byte_code_is_not_read(place: Path, tmp_path: Path) -> None:
    """Byte code is no part of the digest, so it is not loaded: the module comes from the file that was compared."""
    install(place, "lock_single", {"lock_single.py": MODULE + "value = 1\n"})
    compiled = Path(str(py_compile.compile(str(place / "lock_single.py"))))
    stored = compiled.read_bytes()
    install(place, "lock_single", {"lock_single.py": MODULE + "value = 2\n"})
    source = (place / "lock_single.py").stat()
    header = stored[:8] + int(source.st_mtime).to_bytes(4, "little") + (source.st_size).to_bytes(4, "little")
    compiled.write_bytes(header + stored[16:])
    lock.pinned(pin(tmp_path, "lock_single"))
    assert sys.modules["lock_single"].value == 2


def test_an_altered_distribution_is_not_pinned(place: Path) -> None:
    """A lock is of what was installed."""
    install(place, "lock_pack", WHOLE)
    (place / "lock_other.py").write_text("# changed\n")
    forget_contents()
    with pytest.raises(UsageError, match=r"'lock_pack' of lock-pack 1.0 is altered: lock_other.py is not what was"):
        lock_of_installed()


def test_an_editable_distribution_is_pinned_by_the_packages_of_its_entry_points(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the list of files names none of the code, the files count where they stand."""
    source = tmp_path / "source"
    (source / "lock_pack").mkdir(parents=True)
    (source / "lock_pack" / "__init__.py").write_text(MODULE)
    (source / "lock_pack" / "part.py").write_text("value = 1\n")
    install(place, "lock_pack", {"lock_pack.pth": f"{source}\n"})
    monkeypatch.syspath_prepend(str(source))
    path = pin(tmp_path, "lock_pack")
    assert [each.name for each in lock.pinned(path).plugins] == ["lock_pack"]
    (source / "lock_pack" / "part.py").write_text("value = 2\n")
    assert "and is lock-pack 1.0 (lock_pack, " in refusal(path)


def test_a_lock_without_entry_points_is_refused(place: Path, tmp_path: Path) -> None:
    """A lock of an older form names less, and pins nothing."""
    install(place, "lock_single", SINGLE)
    path = pin(tmp_path, "lock_single")
    path.write_text(path.read_text().replace('"entry_point":"lock_single",', ""))
    assert "is pinned as lock-single 1.0 (?, " in refusal(path)
