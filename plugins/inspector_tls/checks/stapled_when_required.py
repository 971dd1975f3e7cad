"""Who demands a stapled response gets one."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_insist
from inspector_tls.criteria.stapling import refusal


@check(
    "certificate-stapled-when-required",
    title="A certificate that demands a stapled OCSP response comes with a good one",
    references=("RFC 7633", "RFC 6066 §8", "RFC 6960"),
)
@where_clients_insist
def stapled_when_required(certificates: Certificates) -> Verdict:
    """A certificate may demand that its server proves with every handshake that it is not revoked; clients that heed
    this refuse the connection where the proof is missing, expired or someone else's.

    Remediation: switch stapling on and let the server fetch the response before it serves (in nginx
    ``ssl_stapling on;`` with a ``resolver``), or have the certificate issued without the demand.
    """
    for chain in certificates.served:
        if not chain.leaf.must_staple or not chain.staple.is_seen:
            continue
        staple = chain.staple.seen
        if staple is None:
            return failed("{certificate} demands a stapled response and comes without", certificate=chain.leaf.subject)
        verdict = refusal(chain, staple)
        if verdict is not None:
            return verdict
    demanding = [chain for chain in certificates.complete() if chain.leaf.must_staple]
    if not demanding:
        return not_applicable("no certificate demands a stapled response")
    for chain in demanding:
        _ = chain.staple.value
    return passed("comes with a good stapled response", facts=[chain.leaf.sha256 for chain in demanding])
