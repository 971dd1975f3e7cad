"""Meters that all processes of a user on a machine share: one file per address, Linux only.

The file holds one record, and locks that belong to an open file (F_OFD_SETLK, fcntl(2)), so that the kernel frees them
when a process ends in whatever way: byte 0 for the record, one byte for each open connection, one for the sweep. A
process that is killed leaves its connections in the record; whoever has to wait finds that their locks are free, and
counts what was granted as sent. A record of another start of the machine, or one that cannot be read, counts as if the
whole burst had been sent now. Nothing has to reach the disk: when the machine stops, the start is another one.

The locks belong to the descriptor: a process made by fork(2) without execve(2) keeps them until it ends, too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import sys
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from inspector.model.errors import RateLimitError
from inspector.model.formatted import FormattedMessage
from inspector.network.pacing.address_meter import GRANTED, OPEN, AddressMeter
from inspector.network.pacing.address_record import packed, unpacked
from inspector.network.pacing.address_state import AddressState, clock

#: What is read at once, and the most that is.
_BYTES, _BYTES_MOST = 4096, 1 << 22
#: After so many seconds without a connection nothing of what was sent to an address matters any more.
_OLD_SECONDS = 86_400.0

_CHOOSE_FOLDER = "choose another folder with rate_state in the settings or INSPECTOR_RATE_STATE"
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "free some space",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EACCES: _CHOOSE_FOLDER,
    errno.EPERM: _CHOOSE_FOLDER,
    errno.EROFS: _CHOOSE_FOLDER,
    errno.ENOTDIR: _CHOOSE_FOLDER,
    errno.EEXIST: _CHOOSE_FOLDER,
    errno.ELOOP: "replace the symbolic link by what it points to",
}


def default_folder() -> Path:
    """The default folder: ``inspector/rates`` in the user's state folder (XDG)."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "inspector" / "rates"


@cache
def boot_id() -> bytes:
    """Identifies the current start of the machine: 16 bytes, random(4)."""
    return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", ""))


def _failure(path: Path, error: OSError) -> RateLimitError:
    return RateLimitError(
        FormattedMessage(
            "{path}: the state of the rate limits cannot be kept: {reason}", path=path, reason=error.strerror
        ),
        remedy=_REMEDIES.get(error.errno or 0, "check the disk, then try again"),
    )


def _close(descriptor: int) -> None:
    """Close a descriptor, unless a plugin did: at the end of the process Python would print a traceback."""
    with suppress(OSError):
        os.close(descriptor)


def _check_owner(path: Path, descriptor: int) -> None:
    """Raise RateLimitError when others than this user may change what is at ``path``."""
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid():
        raise RateLimitError(
            FormattedMessage("{path}: the state of the rate limits belongs to another user", path=path),
            remedy=_CHOOSE_FOLDER,
        )
    if found.st_mode & 0o077:
        raise RateLimitError(
            FormattedMessage("{path}: the state of the rate limits is accessible to other users", path=path),
            remedy="take the permissions of group and others away (chmod go=), or remove it",
        )


# --- The file -------------------------------------------------------------------------------------------------------

if sys.platform == "linux":
    #: struct flock (fcntl(2)): type, whence, start, length, process; with room for padding.
    _FLOCK: Final = struct.Struct("hhqqi0q")
    _OPEN: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    #: The bytes that are locked: the record, the sweep, and those of the connections.
    _RECORD, _SWEEP, _SLOTS, _SLOTS_END = 0, 1, 2, 1 << 20

    def _flock(kind: int, start: int, length: int = 1) -> bytes:
        return _FLOCK.pack(kind, os.SEEK_SET, start, length, 0)

    _LOCK_RECORD, _UNLOCK_RECORD = _flock(fcntl.F_WRLCK, _RECORD), _flock(fcntl.F_UNLCK, _RECORD)

    class FileState:
        """The meter of one address in a file, which stays open until ``close``."""

        def __init__(self, path: Path, folder: int, start: bytes) -> None:
            self._path = path
            self._folder = folder
            self._start = start
            self._meter = AddressMeter()
            self._record = b""
            self._own: set[int] = set()
            self._open()

        def _open(self) -> None:
            try:
                try:
                    self._is_new = True
                    create = _OPEN | os.O_CREAT | os.O_EXCL
                    self._descriptor = os.open(self._path.name, create, 0o600, dir_fd=self._folder)
                except FileExistsError:
                    self._is_new = False
                    self._descriptor = os.open(self._path.name, _OPEN, dir_fd=self._folder)
            except OSError as error:
                raise _failure(self._path, error) from error
            self._close = weakref.finalize(self, _close, self._descriptor)
            _check_owner(self._path, self._descriptor)
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise _failure(self._path, OSError(errno.EINVAL, os.strerror(errno.EINVAL)))

        def _try(self, flock: bytes) -> bool:
            """Lock or unlock; False while somebody else has a lock there."""
            if self._descriptor < 0:
                raise _failure(self._path, OSError(errno.EBADF, os.strerror(errno.EBADF)))
            try:
                fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, flock)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    return False
                raise _failure(self._path, error) from error
            return True

        def lock(self) -> AddressMeter | None:
            """The meter as it was written last, if no other process has it. Raises RateLimitError."""
            if not self._try(_LOCK_RECORD):
                return None
            if self._was_removed():
                self._close()
                self._meter, self._record = AddressMeter(), b""
                self._open()
                return self.lock()
            try:
                self._read()
            except BaseException:
                self._try(_UNLOCK_RECORD)
                raise
            return self._meter

        def _was_removed(self) -> bool:
            """Whether the file is no longer in the folder; asked where ``remove_old`` may have removed it."""
            is_in_use = self._own or (self._record and clock() - self._meter.written_at < _OLD_SECONDS / 2)
            return not is_in_use and not os.fstat(self._descriptor).st_nlink

        def _read(self) -> None:
            try:
                if self._record and os.pread(self._descriptor, len(self._record), 0) == self._record:
                    return
                record = os.pread(self._descriptor, _BYTES, 0)
                if len(record) == _BYTES:
                    record += os.pread(self._descriptor, _BYTES_MOST, _BYTES)
            except OSError as error:
                raise _failure(self._path, error) from error
            found = unpacked(record, self._start)
            self._record = record if found is not None else b""
            if found is not None:
                self._meter = found
            elif record or not self._is_new:
                self._meter = AddressMeter(is_unknown=True)
                self._find_slots()

        def _find_slots(self) -> None:
            """Fill the slots of a new meter with the connections whose locks are held."""
            held = set(self._own)
            ranges = [(_SLOTS, _SLOTS_END)]
            while ranges:
                start, end = ranges.pop()
                if start < end and (found := self._held(start, end - start)):
                    held.update(at - _SLOTS for at in range(*found))
                    ranges += [(start, found[0]), (found[1], end)]
            self._meter.slots = bytearray(max(held, default=-1) + 1)
            for slot in held:
                self._meter.slots[slot] = GRANTED

        def _held(self, start: int, length: int) -> tuple[int, int] | None:
            """Some bytes of these that somebody else has locked: the first one, and the one after the last."""
            try:
                answer = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, start, length))
            except OSError as error:
                raise _failure(self._path, error) from error
            kind, _, at, locked, _ = _FLOCK.unpack_from(answer)
            if kind == fcntl.F_UNLCK:
                return None
            return max(at, start), min(at + locked if locked else start + length, start + length)

        def unlock(self, *, changed: bool) -> None:
            """Write the meter if it has changed, and let others have it. Raises RateLimitError."""
            try:
                if changed and self._meter.rates is not None:
                    self._record = packed(self._meter, self._start)
                    if os.pwrite(self._descriptor, self._record, 0) != len(self._record):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    self._is_new = False
            except OSError as error:
                self._record = b""
                raise _failure(self._path, error) from error
            finally:
                self._try(_UNLOCK_RECORD)

        def take(self, meter: AddressMeter, now: float) -> int:
            """Grant one more; gives its slot, whose lock this process has until it ends."""
            while not self._try(_flock(fcntl.F_WRLCK, _SLOTS + (slot := meter.grant(now)))):
                pass  # somebody has a connection that the record does not name: now it does
            self._own.add(slot)
            return slot

        def release(self, meter: AddressMeter, slot: int, now: float) -> None:
            """The connection with this slot has ended."""
            meter.ended(slot, now)
            self._own.discard(slot)
            self._try(_flock(fcntl.F_UNLCK, _SLOTS + slot))

        def reclaim(self, meter: AddressMeter, now: float) -> bool:
            """Free the slots of processes that have ended; whether there were any."""
            lost = [
                slot
                for slot, state in enumerate(meter.slots)
                if state and slot not in self._own and self._held(_SLOTS + slot, 1) is None
            ]
            for slot in lost:
                meter.lost(slot, now)
            return bool(lost)

        def has_others(self, meter: AddressMeter) -> bool:
            """Whether other processes have connections."""
            return meter.slots.count(GRANTED) + meter.slots.count(OPEN) > len(self._own)

        def lock_sweep(self) -> bool:
            """Take the right to sweep the address; False while somebody has it."""
            return self._try(_flock(fcntl.F_WRLCK, _SWEEP))

        def unlock_sweep(self) -> None:
            """Give the right to sweep the address back."""
            self._try(_flock(fcntl.F_UNLCK, _SWEEP))

        def close(self) -> None:
            """Close the file, which frees every lock."""
            self._descriptor = -1
            self._close()

    class StateFiles:
        """The meters of all addresses in a folder that only this user may access."""

        def __init__(self, folder: Path, *, start: bytes | None = None) -> None:
            self.folder = folder
            self._start = boot_id() if start is None else start
            try:
                folder.parent.mkdir(0o700, parents=True, exist_ok=True)
                folder.mkdir(0o700, exist_ok=True)
                self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                weakref.finalize(self, _close, self._descriptor)
                if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            except OSError as error:
                raise _failure(folder, error) from error
            _check_owner(folder, self._descriptor)

        def remove_old(self) -> None:
            """Remove the files of addresses that nobody has asked for a day. Raises RateLimitError."""
            now = time.time()
            try:
                with os.scandir(self._descriptor) as entries:
                    old = [each.name for each in entries if each.stat().st_mtime + _OLD_SECONDS < now]
            except OSError as error:
                raise _failure(self.folder, error) from error
            for name in old:
                with suppress(OSError):  # in use, or removed by somebody else
                    self._remove(name)

        def _remove(self, name: str) -> None:
            """Remove a file, if nobody has a lock on it and its record is as old. Raises OSError."""
            descriptor = os.open(
                name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._descriptor
            )
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, 0, 0))
                meter = unpacked(os.pread(descriptor, _BYTES_MOST, 0), self._start)
                if meter is None or meter.written_at + _OLD_SECONDS < clock():
                    os.unlink(name, dir_fd=self._descriptor)
            finally:
                os.close(descriptor)

        def open(self, address: str) -> AddressState:
            """The state of an address, full where it is not known. Raises RateLimitError."""
            return FileState(self.folder / quote(address, safe=":"), self._descriptor, self._start)
