"""Reading of untrusted files: bounded, never following a link; errors name the file."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pydantic_core
from pydantic import ValidationError
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator

from inspector.model.base import Model, canonical
from inspector.model.errors import BundleError, LimitExceeded
from inspector.model.escaping import escape_control, truncate
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import check_values, limit_of, too_long
from inspector.seal.layout import DEPTH, is_path

M = TypeVar("M", bound=Model)

_CHUNK = 2**20
#: Digits as 0, both letters of an exponent as e, and everything else but + as a space.
_SHAPE = bytes(
    ord("0") if 48 <= each < 58 else ord("e") if each in b"eE" else each if each == ord("+") else ord(" ")
    for each in range(256)
)
#: A number with an exponent of three digits, where a number may begin; digests and keys in texts have many such digits.
_LARGE = re.compile(rb"(?:\A|[:,\[\s])-?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{3}")


def printable(text: str) -> str:
    """``text`` for a message: at most 200 characters, without control characters."""
    return escape_control(truncate(text, 200), keep="")


class FileFault(Model):
    """What is wrong with one file: ``what`` is a text, perhaps with data after a colon.

    ``file`` is relative to the bundle's folder. ``limit``: it was not read, because it is too large.
    """

    file: str
    what: str
    limit: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def refuse(faults: list[FileFault]) -> None:
    """Raise BundleError that names the faults, if there are any."""
    if faults:
        more = f"\nand {len(faults) - 20} more" if len(faults) > 20 else ""
        kind = LimitExceeded if all(fault.limit for fault in faults) else BundleError
        raise kind("\n".join(map(str, faults[:20])) + more)


def may_be_infinite(data: bytes) -> bool:
    """Whether JSON may have a number beyond the largest finite one (1.8e308), or one that is none.

    Such a number has an exponent of three digits, or very many digits; texts may look like one.
    """
    shape = data.translate(_SHAPE)
    if b"0" * 200 in shape or b"NaN" in data or b"Infinity" in data:
        return True
    return (b"0e000" in shape or b"0e+000" in shape) and _LARGE.search(data) is not None


def json_value(data: bytes, name: str) -> Any:
    """The JSON value in ``data``; how many values it has, nesting and numbers are limited. Raises BundleError."""
    check_values(name, data)
    try:
        value = pydantic_core.from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(FormattedMessage("{name}: is not JSON: {error}", name=name, error=error)) from None
    if may_be_infinite(data):
        recoded(value, name)
    return value


def json_object(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object in ``data``; raises BundleError."""
    value = json_value(data, name)
    if not isinstance(value, dict):
        raise BundleError(FormattedMessage("{name}: is not a JSON object", name=name))
    return value


def parse(model: type[M], data: bytes, name: str) -> M:
    """The model whose JSON form is ``data``; raises BundleError that names the file."""
    check_values(name, data)
    return valid(model, data, name, {})


def valid(model: type[M], data: bytes, name: str, file_of: Mapping[str, str]) -> M:
    """The model whose JSON form is ``data``, of which it is known that it has not too many values.

    Raises BundleError that names the file: ``file_of`` maps fields to theirs, all others are in ``name``.
    """
    try:
        value: M = _model_validator(model).validate_json(data)
    except ValidationError as error:
        raise not_valid(error, name, file_of) from None
    return value


@cache
def _model_validator(model: type[Model]) -> SchemaValidator:
    return failing_fast(model.__pydantic_core_schema__)


def failing_fast(schema: CoreSchema, config: CoreConfig | None = None) -> SchemaValidator:
    """A validator that ends a list or mapping at its first wrong member: an error takes far more memory than a value.

    pydantic has no setting for that. ``_use_prebuilt`` keeps it from taking the validators of the models themselves; a
    release without that parameter takes them, and gives more errors of what is wrong, but accepts the same.
    """
    changed: Any = schema
    references: list[str] = []
    if changed["type"] == "definitions":
        named = {each["ref"]: each for each in changed["definitions"]}
        whole = _with_fail_fast(changed["schema"], references)
        needed: dict[str, Any] = {}
        while references:
            name = references.pop()
            if name in named and name not in needed:
                needed[name] = _with_fail_fast(named[name], references)
        changed = {**changed, "schema": whole, "definitions": list(needed.values())}
    else:
        changed = _with_fail_fast(changed, references)
    try:
        return SchemaValidator(changed, config, _use_prebuilt=False)
    except TypeError:
        return SchemaValidator(changed, config)


def _with_fail_fast(schema: Any, references: list[str]) -> Any:
    """The schema changed; the names of the definitions to which it refers are added to ``references``."""
    kind = type(schema)
    if kind is not dict:
        return kind([_with_fail_fast(each, references) if type(each) in _NESTED else each for each in schema])
    changed = {
        key: _with_fail_fast(each, references) if type(each) in _NESTED and key not in _NO_SCHEMA else each
        for key, each in schema.items()
    }
    of_schema = changed.get("type")
    if of_schema in _MEMBERS:
        changed["fail_fast"] = True
    elif of_schema == "definition-ref":
        references.append(changed["schema_ref"])
    return changed


_NESTED = (dict, list, tuple)
_NO_SCHEMA = frozenset({"config", "metadata", "serialization"})
_MEMBERS = ("dict", "frozenset", "list", "set", "tuple")


def not_valid(error: ValidationError, name: str, file_of: Mapping[str, str]) -> BundleError:
    """The error for the first thing that is wrong with a part of a bundle."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    steps = [str(step) for step in first["loc"]]
    home = file_of.get(steps[0], name) if steps else name
    place = ".".join(steps) or "the whole"
    return BundleError(
        FormattedMessage("{home}: {place}: {first}", home=home, place=printable(place), first=printable(first["msg"]))
    )


def recoded(value: object, name: str) -> bytes:
    """The canonical JSON of a value from untrusted JSON; raises BundleError for an infinite number (``1e999``)."""
    try:
        return canonical(value)
    except ValueError:
        raise BundleError(FormattedMessage("{name}: contains a number that is out of range", name=name)) from None


@dataclass(frozen=True, slots=True)
class UntrustedFolder:
    """A folder with untrusted content. Names are relative paths with ``/``."""

    path: Path

    @contextmanager
    def _folder(self, name: str) -> Iterator[int]:
        """A descriptor of the folder ``name`` ("" for the top), reached without following any link."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = os.open(self.path, flags)
        try:
            for step in filter(None, name.split("/")):
                below = os.open(step, flags | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """A descriptor of the regular file ``name``; raises BundleError."""
        if not is_path(name):
            raise BundleError(
                FormattedMessage("{name}: is outside the bundle, or not a valid name in a bundle", name=printable(name))
            )
        above, _, last = name.rpartition("/")
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            with self._folder(above) as folder:
                descriptor = os.open(last, flags, dir_fd=folder)
        except FileNotFoundError:
            raise BundleError(FormattedMessage("{name}: is missing", name=name)) from None
        except OSError as error:
            raise _unreadable(name, error) from None
        try:
            if what := _irregular(os.fstat(descriptor)):
                raise BundleError(FormattedMessage("{name}: {what}", name=name, what=what))
            yield descriptor
        finally:
            os.close(descriptor)

    def _chunks(self, name: str, limit: int) -> Iterator[bytes]:
        """The bytes of the file ``name``; raises BundleError when there are more than ``limit``."""
        left = limit
        with self.opened(name) as descriptor:
            if os.fstat(descriptor).st_size > limit:
                raise too_long(name, limit)
            while chunk := _read(descriptor, name):
                left -= len(chunk)
                if left < 0:
                    raise too_long(name, limit)
                yield chunk

    def read(self, name: str, limit: int | None = None) -> bytes:
        """All bytes of the file ``name``; raises BundleError when it is not a plain file.

        Raises LimitExceeded when it is longer than ``limit`` (None: what a file of this name may have).
        """
        return b"".join(self._chunks(name, limit_of(name) if limit is None else limit))

    def digest(self, name: str, limit: int | None = None) -> str:
        """SHA-256 of the file ``name``, read in chunks; raises BundleError as ``read`` does."""
        digest = hashlib.sha256()
        for chunk in self._chunks(name, limit_of(name) if limit is None else limit):
            digest.update(chunk)
        return digest.hexdigest()

    def walk(self, part: str) -> tuple[set[str], list[FileFault]]:
        """The plain files below ``part``, relative to it, and a fault for everything else that is not a folder."""
        files: set[str] = set()
        faults: list[FileFault] = []
        folders = [""]
        while folders:
            folder = folders.pop()
            place = "/".join(filter(None, (part, folder)))
            try:
                entries = self.entries(place)
            except OSError as error:
                faults.append(
                    FileFault(
                        file=printable(place),
                        what=f"cannot be read: {error.strerror}",
                    )
                )
                continue
            for last, status in entries:
                name = f"{folder}/{last}" if folder else last
                shown = printable("/".join(filter(None, (place, last))))
                if stat.S_ISDIR(status.st_mode) and name.count("/") < DEPTH:
                    folders.append(name)
                elif stat.S_ISDIR(status.st_mode):
                    faults.append(FileFault(file=shown, what="is nested deeper than a bundle may be"))
                elif what := _irregular(status):
                    faults.append(FileFault(file=shown, what=what))
                else:
                    files.add(name)
        return files, faults

    @contextmanager
    def reading(self, name: str) -> Iterator[int]:
        """A descriptor of the file ``name``, as ``opened``; an OSError of the body is a BundleError that names it."""
        with self.opened(name) as descriptor:
            try:
                yield descriptor
            except OSError as error:
                raise _unreadable(name, error) from None

    def refuse_irregular(self) -> None:
        """Raise BundleError when anything in the folder is a link, pipe, device or socket: nothing follows it."""
        _, faults = self.walk("")
        refuse(faults)

    def entries(self, place: str) -> list[tuple[str, os.stat_result]]:
        """The entries of the folder ``place`` ("" for the top), by name; raises OSError."""
        with self._folder(place) as descriptor, os.scandir(descriptor) as entries:
            return sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)


def _irregular(status: os.stat_result) -> str:
    """Why an entry is not a plain file of this bundle alone; "" when it is one."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    if status.st_nlink != 1:
        return "is a hard link to a file outside the bundle"
    return ""


def _read(descriptor: int, name: str) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> BundleError:
    return BundleError(FormattedMessage("{name}: cannot be read: {reason}", name=name, reason=error.strerror))
