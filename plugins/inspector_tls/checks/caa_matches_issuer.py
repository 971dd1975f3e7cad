"""The issuers of a host's certificates, and its CAA records."""

from collections.abc import Iterator

from inspector import (
    Cause,
    Every,
    NotSeen,
    Outcome,
    SubjectKind,
    TableAt,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)
from inspector_tls.certificates.observations import Certificates, Chain, Flaw
from inspector_tls.criteria.issuers import CaaIssuers, issuer_organisation
from inspector_tls.issuance.observations import IssuancePolicy

#: The flaws of a chain that ends before anybody can tell who issued the certificate.
_CUT_SHORT = frozenset({Flaw.MISSING_INTERMEDIATE, Flaw.MISSING_ISSUER, Flaw.BAD_SIGNATURE})


@check(
    "caa-matches-issuer",
    title="CAA records permit the issuer of the certificate",
    about=SubjectKind.HOST,
    references=("RFC 8659 §3–§4", "CA/Browser Forum Baseline Requirements §3.2.2.8"),
)
def caa_matches_issuer(
    policy: IssuancePolicy, certificates: Every[Certificates], issuers: TableAt[CaaIssuers]
) -> Verdict:
    """A certificate of a CA that the CAA records do not permit was issued before they were published, and then its
    renewal will fail, or by mistake. CAs are recognised by the organisation that they name in their certificates, and
    by a table of the domain names that each of them recognises in CAA records. The check does not apply where the
    records permit every CA, nor to certificates of private CAs, which follow no CAA records.

    Remediation: find out who requested the certificate. Where it is right, add the CA's domain name with the ``issue``
    property (``issuewild`` for a wildcard certificate); where it is not, revoke it.
    """
    if _permits_everybody(policy):
        return not_applicable("no CAA record restricts the issuers")
    if certificates.is_empty:
        raise NotSeen(Cause.NOT_SELECTED)
    undecided: list[Verdict] = []
    judged: list[str] = []
    for chain, is_wildcard in _chains_of_public_authorities(policy, certificates):
        relevant = (policy.wildcard if is_wildcard else policy.exact).seen
        permitted = None if relevant is None else relevant.permitted(wildcard=is_wildcard)
        if relevant is None or permitted is None:
            continue
        verdict = _judged(chain, relevant.at or "", permitted, issuers)
        if verdict is None:
            judged.append(issuer_organisation(chain.leaf))
        elif verdict.outcome is Outcome.FAIL:
            return verdict
        else:
            undecided.append(verdict)
    for item in certificates:
        for chain in item.complete():
            _ = chain.public_trust.value  # raises NotSeen
    _ = policy.exact.value, policy.wildcard.value
    if undecided:
        return undecided[0]
    if not judged:
        return not_applicable("no certificate of a public CA names the host where CAA records restrict the issuers")
    return passed("the CAA records permit the issuers {measured}", measured=sorted(set(judged)))


def _permits_everybody(policy: IssuancePolicy) -> bool:
    relevant = ((policy.exact.seen, False), (policy.wildcard.seen, True))
    return all(each is not None and each.permitted(wildcard=wildcard) is None for each, wildcard in relevant)


def _judged(chain: Chain, at: str, permitted: frozenset[str], issuers: TableAt[CaaIssuers]) -> Verdict | None:
    """Why the issuer of a certificate is not permitted, or why that is not known; None where it is."""
    leaf, organisation = chain.leaf, issuer_organisation(chain.leaf)
    own = issuers.entries.domains(organisation)
    unknown = sorted(permitted - issuers.entries.known)
    if not chain.public_trust.value.reaches_root:
        message = "without the rest of its chain it is not known who issued the certificate: {measured}"
        return inconclusive(message, measured=leaf.issuer, cause=Cause.AMBIGUOUS, facts=leaf.sha256)
    if not permitted:
        message = "the CAA records at {at} permit no CA, and {measured} issued the certificate"
        return failed(message, at=at, measured=leaf.issuer, facts=leaf.sha256)
    if own & permitted:
        return None
    if not own:
        message = "by which domain name CAA records permit the issuer {measured} is not known"
        return inconclusive(message, measured=leaf.issuer, cause=Cause.AMBIGUOUS, facts=leaf.sha256)
    if unknown:
        message = "whether {measured} in the CAA records at {at} permits the issuer {issuer} is not known"
        return inconclusive(message, measured=unknown, at=at, issuer=organisation, cause=Cause.AMBIGUOUS)
    if issuers.is_stale:
        message = "the domain names in CAA records are of {measured}: too old to conclude that a CA is not permitted"
        return inconclusive(message, measured=issuers.table.dated.isoformat(), cause=Cause.STALE_TABLE)
    message = "{measured} issued the certificate; the CAA records at {at} permit {threshold}"
    return failed(message, measured=organisation, at=at, threshold=sorted(permitted), facts=leaf.sha256)


def _chains_of_public_authorities(
    policy: IssuancePolicy, certificates: Every[Certificates]
) -> Iterator[tuple[Chain, bool]]:
    """The chains whose certificate names the host, each with whether it does so by a wildcard.

    Those of private authorities are left out. Raises NotSeen where a certificate's names cannot be read.
    """
    wildcard = f"*.{policy.host.partition('.')[2]}"
    for item in certificates:
        for chain in item.served:
            trust = chain.public_trust.seen
            if trust is None or not (trust.reaches_root or trust.flaw in _CUT_SHORT):
                continue
            if chain.leaf.is_malformed("subjectAltName"):
                raise NotSeen(Cause.PROTOCOL_ERROR)
            names = {name.lower() for name in chain.leaf.dns}
            for name, is_wildcard in ((policy.host, False), (wildcard, True)):
                if name in names:
                    yield chain, is_wildcard
