"""The certificate is for this host."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import asks_for_domain, where_clients_insist


@check(
    "certificate-names-host",
    title="Every certificate names the host",
    references=("RFC 9525 §6",),
)
@where_clients_insist
def names_host(certificates: Certificates) -> Verdict:
    """A certificate vouches only for the names in its subject alternative names; the common name does not count, and an
    address counts only as an address entry. Clients of XMPP ask for the domain of the users' addresses, which may be
    another name than the host's; between mail servers nobody asks.

    Remediation: have a certificate issued that names this host (a ``*`` stands for one label), or send the right one
    for the server name that the client asks for.
    """
    host = certificates.host
    for leaf in certificates.leaves:
        if not leaf.names(host):
            named = leaf.dns + leaf.ip
            if asks_for_domain(certificates):
                return inconclusive(
                    "the certificate names {measured}, not {threshold}; which domain clients ask for is not declared",
                    measured=named,
                    threshold=host,
                    cause=Cause.AMBIGUOUS,
                    facts=leaf.sha256,
                )
            if not named:
                return failed("the certificate names no host, but {threshold} was asked for", threshold=host)
            return failed("the certificate names {measured}, not {threshold}", measured=named, threshold=host)
    chains = certificates.complete()
    if not chains:
        return failed("the server presents no certificate")
    return passed("names {threshold}", threshold=host, facts=[chain.leaf.sha256 for chain in chains])
