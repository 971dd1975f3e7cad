"""From errors of the operating system and TLS to the closed vocabulary of causes."""

from __future__ import annotations

import errno
import ssl

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure

_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN})
#: This machine has run out of a resource: not a failure of the target.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EBADF, errno.EINVAL})


def cause_of(error: OSError) -> Cause:
    """The cause of an operating system or TLS error; unknown errors are not-reached."""
    if isinstance(error, ssl.SSLError):
        return Cause.PROTOCOL_ERROR
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return Cause.TIMEOUT
    if error.errno == errno.ECONNREFUSED:
        return Cause.REFUSED
    if error.errno in _RESET:
        return Cause.RESET
    return Cause.BUG if error.errno in _OURS else Cause.NOT_REACHED


def failure_from(error: OSError, where: str) -> ScanFailure:
    """The failure of a scan that an error at ``where`` causes."""
    text = error.strerror or str(error) or type(error).__name__
    return ScanFailure(cause_of(error), f"{where}: {text}")
