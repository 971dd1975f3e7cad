"""sslyze sees what the enumerator sees."""

from inspector import Verdict, check, failed, passed
from inspector_tls.cross_check.differences import pairs
from inspector_tls.cross_check.observations import TlsCrossCheck
from inspector_tls.observations import Tls


@check(
    "tls-cross-check-agrees",
    title="sslyze sees the same versions, suites and groups as this inspection",
    references=("RFC 8446 §4.1.1",),
)
def cross_check_agrees(tls: Tls, cross: TlsCrossCheck) -> Verdict:
    """Two programs that share no code ask the same server for every suite and group. Where they see otherwise, one of
    them errs, or the server answers different clients differently: then look at the server by hand before its verdicts
    are relied on. Nothing else changes by it. Left out is what sslyze cannot ask: post-quantum and finite field groups
    of TLS 1.3, suites that its OpenSSL lacks, groups of TLS 1.2 where no RSA certificate is used. A handshake that
    timed out or was reset, which sslyze counts as refused, decides nothing here; an address is not sent as a server
    name.

    Remediation: nothing to mend, as such. Ask the server for one of the suites named with a third tool, such as
    ``openssl s_client -cipher``; where answers differ by client, look for a load balancer with unlike servers behind.
    """
    compared = tuple(pairs(tls, cross))
    differences = [each for pair in compared for each in pair.differences]
    here = [each.what for each in differences if not each.there]
    there = [each.what for each in differences if each.there]
    measured = [each.what for each in differences]
    if here and there:
        return failed(
            "accepted here and refused to sslyze: {here}; accepted of sslyze and refused here: {there}",
            here=here,
            there=there,
        ).model_copy(update={"measured": tuple(measured)})
    if here:
        return failed("accepted here and refused to sslyze: {measured}", measured=here)
    if there:
        return failed("accepted of sslyze and refused here: {measured}", measured=there)
    return passed("sslyze sees the same in {measured} questions", measured=sum(pair.agreed() for pair in compared))
