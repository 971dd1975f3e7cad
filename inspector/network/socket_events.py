"""Readiness callbacks for many short connections, cheaper than the event loop's own.

Python's selectors keep a table beside the kernel's, whose upkeep costs more than a short connection. So the sockets of
short connections are registered in one epoll set, which the loop watches as a single descriptor; where there is no
epoll, the loop watches each of them.
"""

from __future__ import annotations

import asyncio
import select
import sys
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

#: Seconds between two checks of the deadlines. One timer serves all of them, because most are never reached.
TICK_SECONDS = 0.02
#: One callback handles what is ready for so many seconds at most, so many events at a time, so that other callbacks run
#: in between; level-triggered and in turn, so none is lost. A small number of events, such as 8, leaves answers unread
#: for seconds where thousands of connections share a loop.
_CALLBACK_SECONDS = 0.005
_EVENTS_AT_A_TIME = 16


class SocketEvents:
    """Callbacks for the sockets of one event loop.

    A callback may be called though nothing is ready, and is called until ``unregister``, which must precede the close.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._deadlines: dict[int, tuple[float, Callable[[], None]]] = {}
        self._is_ticking = False

    def writable(self, descriptor: int, call: Callable[[], None]) -> None:
        """Call ``call`` while ``descriptor`` can be written to or has an error."""
        raise NotImplementedError

    def readable(self, descriptor: int, call: Callable[[], None]) -> None:
        """Call ``call`` while ``descriptor`` can be read from, is at its end or has an error."""
        raise NotImplementedError

    def call_at(self, descriptor: int, at: float, call: Callable[[], None]) -> None:
        """Call ``call`` once at this instant of the loop's clock, or up to ``TICK_SECONDS`` later."""
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
        """Call nothing for ``descriptor`` from now on."""
        self._calls.pop(descriptor, None)
        self._deadlines.pop(descriptor, None)


class _LoopEvents(SocketEvents):
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

    class _EpollEvents(SocketEvents):
        """One epoll set; the kernel removes a descriptor when it is closed."""

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
            until = time.monotonic() + _CALLBACK_SECONDS
            while True:
                events = self._set.poll(0, _EVENTS_AT_A_TIME)
                for descriptor, _events in events:
                    call = self._calls.get(descriptor)
                    if call is not None:
                        call()
                if len(events) < _EVENTS_AT_A_TIME or time.monotonic() >= until:
                    return

    _platform: type[SocketEvents] = _EpollEvents
else:
    _platform = _LoopEvents

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, SocketEvents] = WeakKeyDictionary()


def shared_socket_events() -> SocketEvents:
    """The one instance of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _shared.get(loop)
    if found is None:
        found = _shared[loop] = _platform()
    return found
