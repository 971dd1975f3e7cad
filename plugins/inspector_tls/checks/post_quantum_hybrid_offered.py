"""Sessions that stay closed to the machines to come."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Tls
from inspector_tls.wire.code_points import Group


@check(
    "post-quantum-hybrid-offered",
    title="A key exchange that withstands quantum computers is offered",
    references=("RFC 10024", "FIPS 203"),
)
def post_quantum_hybrid_offered(tls: Tls) -> Verdict:
    """Traffic recorded today could be read once large quantum computers exist. A hybrid key exchange, a curve together
    with ML-KEM, prevents that, and is no weaker than the curve alone. Drafts of it do not count: clients have dropped
    them.

    Remediation: use a TLS library that knows X25519MLKEM768, OpenSSL from 3.5 on for instance, and leave it in the list
    of groups.
    """
    hybrid = [group.name for group in tls.accepted_groups if _counts(group)]
    if hybrid:
        return passed("offers {measured}", measured=hybrid)
    _ = tls.groups.complete.value
    if not tls.groups.accepted:
        return failed("does not speak TLS 1.3, without which there is none")
    return failed("offers none; the groups of TLS 1.3 are {measured}", measured=tls.groups.accepted)


def _counts(group: Group) -> bool:
    return group.is_post_quantum and "Draft" not in group.name
