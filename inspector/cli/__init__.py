"""The command line: one module per command, each loaded only when its command is called."""

from __future__ import annotations

import atexit
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

#: The exit codes that a shell reports for a process ended by SIGINT, and by SIGTERM.
INTERRUPTED, TERMINATED = 130, 143
_OTHERS_WRITE = 0o022


_exit = os._exit
#: How the name of the thread begins that starts worker processes.
STARTER = "worker starter"
#: Seconds that other threads may take to end after the command did.
_THREAD_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback reaches the user."""
    if arguments is None:
        _keep_docstrings()
    _ready_streams()
    # Whatever the system's default, only the user changes what the user's commands write.
    os.umask(os.umask(_OTHERS_WRITE) | _OTHERS_WRITE)
    code = INTERRUPTED
    others: set[object] = set(threading.enumerate())

    def terminate(_signal: int, _frame: object) -> None:
        """End as after an interrupt: what was begun is tidied up, and can be resumed."""
        nonlocal code
        code = TERMINATED
        signal.raise_signal(signal.SIGINT)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminate)
    try:
        from inspector.plugin import containment

        others |= containment.abandoned
        from inspector.cli.app import call

        containment.before_import = _own_process
        result = call(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        result = INTERRUPTED
    if result == INTERRUPTED:
        result = code
    try:
        _leave_what_goes_on(result, others)
    except Exception:  # noqa: BLE001  (a plugin altered what Python itself rests on)
        _exit(result)
    sys.exit(result)


def _keep_docstrings() -> None:
    """Start again with docstrings, in which checks keep their texts, where Python runs without (PYTHONOPTIMIZE=2)."""
    if sys.flags.optimize > 1 and os.environ.get("PYTHONOPTIMIZE") != "1":
        count = len(sys.orig_argv) - len(sys.argv[1:])
        options = [word for word in sys.orig_argv[1:count] if word not in ("-O", "-OO")]
        os.execve(  # noqa: S606  (the same program)
            sys.executable, [sys.executable, *options, *sys.argv[1:]], {**os.environ, "PYTHONOPTIMIZE": "1"}
        )


def _own_process() -> None:
    """Before the first plugin is imported: guard the process; no plugin ends it, blocks it or prints a traceback."""
    from inspector.cli.watchdog import end_process, watchdog
    from inspector.network.guard.audit_hook import guard_process
    from inspector.plugin import containment, time_limits

    if os._exit is _exit and (watching := watchdog()):  # once, and before it is guarded
        time_limits.watched = watching.watched
        containment.after_import = watching.close
    time_limits.give_up = end_process
    guard_process()
    sys.unraisablehook = _ignore_unraisable
    threading.excepthook = _log_thread
    os._exit = sys.exit  # type: ignore[assignment]  # by neither does a plugin end this process


def _ignore_unraisable(raised: sys.UnraisableHookArgs) -> None:
    """Log what an object raised while it was destroyed: a plugin's coroutine that ignores its end, for example."""
    error = raised.exc_value or raised.exc_type()
    logging.getLogger("inspector").info("an object failed at its end", extra={"detail": _text(error)})


def _log_thread(raised: threading.ExceptHookArgs) -> None:
    """Log what ended a thread of a plugin."""
    error = raised.exc_value or raised.exc_type()
    logging.getLogger("inspector").warning("a thread of a plugin failed", extra={"detail": _text(error)})


def _text(error: BaseException) -> str:
    from inspector.plugin.containment import described

    return described(error)


def _leave_what_goes_on(code: int, others: Collection[object]) -> None:
    """End the process at once where threads or tasks that a plugin left behind would keep it from ending.

    ``others`` are those that were there before: they belong to the program that calls this one.
    """
    from inspector.plugin.containment import abandoned

    until = time.monotonic() + _THREAD_SECONDS
    threads = [each for each in threading.enumerate() if not each.daemon and each not in others]
    threads = [each for each in threads if not each.name.startswith(STARTER)]  # idle, and ends with the interpreter
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(each.is_alive() for each in threads) or not abandoned <= set(others):
        atexit._run_exitfuncs()  # noqa: SLF001  (what ends worker processes)
        _exit(code)


def _ready_streams() -> None:
    """Escape what a stream's encoding cannot express instead of failing; a closed stream discards everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (it lives as long as the process)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
