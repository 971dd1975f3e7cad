"""Running a test's body in the main thread or in another one: time limits work differently there."""

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

R = TypeVar("R")

#: Seconds after which a body counts as never ending.
ENDLESS_SECONDS = 60.0

in_both_threads = pytest.mark.parametrize("in_main", [True, False], ids=["main thread", "other thread"])


def run_in(function: Callable[[], R], *, in_main: bool) -> R:
    """The function's result, run in the main thread or in another one; fails when it never ends."""
    if in_main:
        return function()
    ended: list[R] = []
    raised: list[BaseException] = []

    def body() -> None:
        try:
            ended.append(function())
        except BaseException as error:  # noqa: BLE001  (raised again in the main thread)
            raised.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(ENDLESS_SECONDS)
    assert not thread.is_alive(), "it never ends"
    if raised:
        raise raised[0]
    return ended[0]
