"""Criteria that several checks share."""

from __future__ import annotations

from collections.abc import Iterable

from inspector import Cause, Verdict, failed, inconclusive
from inspector_ssh.algorithms import Strength


def weak_or_unknown(offered: Iterable[str], strength: Strength) -> Verdict | None:
    """The verdict where a weak algorithm is offered, or one of unknown strength; None where neither is."""
    names = list(offered)
    weak = [name for name in names if strength.is_weak(name)]
    if weak:
        return failed("offers {measured}", measured=weak)
    unknown = [name for name in names if not strength.is_known(name)]
    if unknown:
        return inconclusive("the strength of {measured} is not known", measured=unknown, cause=Cause.AMBIGUOUS)
    return None
