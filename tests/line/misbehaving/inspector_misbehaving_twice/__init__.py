"""A plugin that contributes a check whose id is taken."""

from collections.abc import Iterable

from inspector import Check, Declared, SubjectKind, Verdict, check, hookimpl, passed


@check("hsts-set", title="Mine", about=SubjectKind.SYSTEM)
def mine(declared: Declared) -> Verdict:
    """Mine.

    Remediation: none.
    """
    return passed("mine")


@hookimpl
def inspector_checks() -> Iterable[Check]:
    return [mine]
