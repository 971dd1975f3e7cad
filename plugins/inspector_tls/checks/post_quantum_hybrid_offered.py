"""Post-quantum hybrid key exchange."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Part, Tls
from inspector_tls.wire.code_points import Group


@check(
    "post-quantum-hybrid-offered",
    title="Post-quantum hybrid key exchange is offered",
    references=("RFC 10024", "FIPS 203"),
    needs=(Part.GROUPS,),
)
def post_quantum_hybrid_offered(tls: Tls) -> Verdict:
    """Traffic recorded today can be decrypted once large quantum computers exist. A hybrid key exchange, an elliptic
    curve combined with ML-KEM, prevents that and is no weaker than the curve alone. Draft versions do not count:
    clients have dropped them.

    Remediation: use a TLS library with X25519MLKEM768 (OpenSSL 3.5 or newer) and keep it in the list of groups.
    """
    hybrid = [group.name for group in tls.accepted_groups if _counts(group)]
    if hybrid:
        return passed("offers {measured}", measured=hybrid)
    _ = tls.groups.complete.value
    if not tls.groups.accepted:
        return failed("does not offer TLS 1.3, which hybrid key exchange requires")
    return failed("offers no hybrid group; its TLS 1.3 groups are {measured}", measured=tls.groups.accepted)


def _counts(group: Group) -> bool:
    return group.is_post_quantum and "Draft" not in group.name
