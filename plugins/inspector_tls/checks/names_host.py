"""The host names of certificates."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import asks_for_domain, where_clients_validate


@check(
    "certificate-names-host",
    title="Certificate names the host",
    references=("RFC 9525 §6", "CA/Browser Forum Baseline Requirements §3.2.2.6"),
)
@where_clients_validate
def names_host(certificates: Certificates) -> Verdict:
    """Clients accept a certificate only for the names in its subjectAltName: the common name is ignored, and an IP
    address must be an iPAddress entry. XMPP clients expect the domain of the user's address, which may differ from the
    host name; between mail servers names are not checked. A wildcard directly below a public suffix
    (``*.vn``, ``*.gov.vn``) names no host, as in Chrome.

    Remediation: have a certificate issued whose subjectAltName lists this host (``*`` matches exactly one label), or
    configure the right certificate for this server name.
    """
    host = certificates.host
    for leaf in certificates.leaves:
        if not certificates.is_named_by(leaf):
            named = leaf.dns + leaf.ip
            if asks_for_domain(certificates):
                return inconclusive(
                    "the certificate names {measured}, not {threshold}; the domain that clients expect is not declared",
                    measured=named,
                    threshold=host,
                    cause=Cause.AMBIGUOUS,
                    facts=leaf.sha256,
                )
            if leaf.is_malformed("subjectAltName"):
                return failed(
                    "the subjectAltName of the certificate is malformed, but must name {threshold}",
                    threshold=host,
                    facts=leaf.sha256,
                )
            if not named:
                return failed("the certificate names no host, but must name {threshold}", threshold=host)
            return failed("the certificate is for {measured}, not for {threshold}", measured=named, threshold=host)
    chains = certificates.complete()
    if not chains:
        return failed("presents no certificate")
    return passed("the certificate names {threshold}", threshold=host, facts=[chain.leaf.sha256 for chain in chains])
