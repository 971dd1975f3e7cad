from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.exposure import exposure
from inspector_services.observations import Greetings, OpenPorts, Protocol
from inspector_services.port_roles import Role

DATABASES = frozenset({Protocol.MYSQL, Protocol.REDIS})


@check(
    "no-database-reachable",
    title="No database or cache can be reached from here",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 12.2"),
)
def no_database_reachable(ports: OpenPorts, greetings: Greetings) -> Verdict:
    """A database that answers strangers needs only one weak password or one unpatched flaw to lose everything it holds.

    Remediation: bind it to an internal address, put it into the database zone, and let the firewall admit the
    application servers only.
    """
    databases = exposure(Role.DATABASE, DATABASES, ports, greetings)
    if databases.shown:
        return failed("accepts connections on database ports: {measured}", measured=databases.shown, facts=("/spans",))
    if databases.possible:
        return inconclusive(
            "open ports that databases usually have, but nothing shows what answers: {measured}",
            measured=databases.possible,
            cause=Cause.AMBIGUOUS,
        )
    if databases.nameless:
        return inconclusive(
            "open ports, and nothing shows what answers: {measured}", measured=databases.nameless, cause=Cause.AMBIGUOUS
        )
    if databases.cause is not None:
        return inconclusive("not every service was seen", cause=databases.cause)
    return passed("of {asked} TCP ports that were asked, none is a database's", asked=ports.asked, facts=("/spans",))
