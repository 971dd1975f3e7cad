"""Checks: one that each scan came to its end, and some that go wrong themselves."""

from typing import Any

from inspector import Declared, SubjectKind, Verdict, check, passed
from inspector_misbehaving.probes import KINDS


def _ended(name: str, kind: type[Any]) -> Any:
    def ended(seen: Any) -> Verdict:
        """It came to its end.

        Remediation: none.
        """
        return passed("came to its end")

    ended.__annotations__ = {"seen": kind, "return": Verdict}
    return check(f"misbehaving-{name}", title=f"{name} came to its end")(ended)


@check("misbehaving-check-raises", title="A check that raises", about=SubjectKind.SYSTEM)
def check_raises(declared: Declared) -> Verdict:
    """It raises.

    Remediation: none.
    """
    raise LookupError("a mistake in judging")


@check("misbehaving-check-burns", title="A check without end", about=SubjectKind.SYSTEM)
def check_burns(declared: Declared) -> Verdict:
    """It does not end.

    Remediation: none.
    """
    while True:
        pass


CHECKS = [*(_ended(name, kind) for name, kind in KINDS.items()), check_raises, check_burns]
