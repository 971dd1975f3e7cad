"""Which sockets have become ready, asked of the kernel for all of them at once.

An event loop of Python keeps a table of its own beside the kernel's, and that table costs more than a short connection.
So short connections stand in one epoll set, which the loop watches as a single descriptor; where there is no epoll, the
loop watches each of them.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable
from weakref import WeakKeyDictionary

#: One clock for all of them, which ticks this often while there are any: most alarms never ring.
TICK_SECONDS = 0.02
#: Events taken in one go, so that others get their turn between; what is left over is still ready then.
_AT_ONCE = 8


class SocketEvents:
    """The sockets of one event loop that wait to be written to or read from.

    A callback may be called though nothing is ready, and is called until ``unregister``; forget before closing.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._deadlines: dict[int, tuple[float, Callable[[], None]]] = {}
        self._is_ticking = False

    def writable(self, descriptor: int, call: Callable[[], None]) -> None:
        """Have ``call`` called while ``descriptor`` can be written to, or has an error to tell."""
        raise NotImplementedError

    def readable(self, descriptor: int, call: Callable[[], None]) -> None:
        """Have ``call`` called while ``descriptor`` has something to read, is at its end, or has an error to tell."""
        raise NotImplementedError

    def call_at(self, descriptor: int, at: float, call: Callable[[], None]) -> None:
        """Have ``call`` called once at this instant of the loop's clock, or up to ``TICK_SECONDS`` later."""
        self._deadlines[descriptor] = at, call
        if not self._is_ticking:
            self._is_ticking = True
            asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = [(descriptor, call) for descriptor, (at, call) in self._deadlines.items() if at <= now]
        for descriptor, _call in due:
            del self._deadlines[descriptor]
        self._is_ticking = bool(self._deadlines)
        if self._is_ticking:
            loop.call_later(TICK_SECONDS, self._tick)
        for _descriptor, call in due:
            call()

    def unregister(self, descriptor: int) -> None:
        """Call nothing for ``descriptor`` any more."""
        self._calls.pop(descriptor, None)
        self._deadlines.pop(descriptor, None)


class _ByLoop(SocketEvents):
    """The loop watches each descriptor."""

    def writable(self, descriptor: int, call: Callable[[], None]) -> None:
        self._calls[descriptor] = call
        asyncio.get_running_loop().add_writer(descriptor, call)

    def readable(self, descriptor: int, call: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_writer(descriptor)
        loop.add_reader(descriptor, call)
        self._calls[descriptor] = call

    def unregister(self, descriptor: int) -> None:
        super().unregister(descriptor)
        loop = asyncio.get_running_loop()
        loop.remove_writer(descriptor)
        loop.remove_reader(descriptor)


if sys.platform == "linux":

    class _ByEpoll(SocketEvents):
        """One set of the kernel; a descriptor leaves it by being closed."""

        def __init__(self) -> None:
            super().__init__()
            self._set = select.epoll()
            asyncio.get_running_loop().add_reader(self._set.fileno(), self._ready)

        def writable(self, descriptor: int, call: Callable[[], None]) -> None:
            self._watch(descriptor, select.EPOLLOUT, call)

        def readable(self, descriptor: int, call: Callable[[], None]) -> None:
            self._watch(descriptor, select.EPOLLIN, call)

        def _watch(self, descriptor: int, events: int, call: Callable[[], None]) -> None:
            if descriptor in self._calls:
                self._set.modify(descriptor, events)
            else:
                self._set.register(descriptor, events)
            self._calls[descriptor] = call

        def _ready(self) -> None:
            for descriptor, _events in self._set.poll(0, _AT_ONCE):
                call = self._calls.get(descriptor)
                if call is not None:
                    call()

    _here: type[SocketEvents] = _ByEpoll
else:
    _here = _ByLoop

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, SocketEvents] = WeakKeyDictionary()


def shared_socket_events() -> SocketEvents:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _shared.get(loop)
    if found is None:
        found = _shared[loop] = _here()
    return found
