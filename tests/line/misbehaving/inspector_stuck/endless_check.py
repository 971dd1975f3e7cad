"""A check that catches what interrupts it, and goes on."""

from inspector import Declared, SubjectKind, Verdict, check, passed

#: In a system with an endpoint at this address the check does not end.
ENDLESS = "127.0.0.66"


@check("stuck-check-ends", title="A check that ends elsewhere", about=SubjectKind.SYSTEM)
def ends(declared: Declared) -> Verdict:
    """It ends, but for one system.

    Remediation: none.
    """
    while any(ENDLESS in each for each in declared.endpoints):
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001  (that is the point)
            continue
    return passed("it came to its end")


CHECKS = [ends]
