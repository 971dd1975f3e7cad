"""Keys and signatures of certificates."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, passed
from inspector_tls.certificates.observations import Certificate, Certificates, KeyFlaw
from inspector_tls.criteria.client_policies import no_certificate

_FORGEABLE = frozenset({"md2", "md4", "md5", "sha1"})
_WITHOUT_DIGEST = frozenset({"ed25519", "ed448"})
_EDWARDS = frozenset({"Ed25519", "Ed448"})
_MESSAGES = {
    KeyFlaw.MALFORMED: "the public key of {certificate} is malformed",
    KeyFlaw.EXPLICIT_CURVE: "the curve of the key of {certificate} is described by parameters instead of named",
    KeyFlaw.SMALL_FACTOR: "the RSA modulus of {certificate} has a factor below 752",
    KeyFlaw.WEAK_EXPONENT: "the RSA exponent of {certificate} is even or below 3",
}


@check(
    "certificate-key-strong",
    title="Certificate keys and signatures are strong",
    references=("RFC 9325 §4.5", "RFC 9155", "RFC 5480 §2.1.1", "NIST SP 800-131A"),
)
def key_strong(certificates: Certificates, *, rsa_bits: int = 2048, ec_bits: int = 256) -> Verdict:
    """A short key can be factored or computed, and a certificate signed with MD5 or SHA-1 can be forged: either lets an
    attacker impersonate the server. The check covers the server certificate, the intermediate certificates on its path
    to a root, and the key of the root; a curve must be named, an RSA modulus have no small factor, and its exponent be
    odd and at least 3.

    Remediation: have the certificate reissued with an RSA key of 3072 bits or an ECDSA key on P-256 (``openssl genpkey
    -algorithm EC -pkeyopt ec_paramgen_curve:P-256``), signed with SHA-256 or better.
    """
    least = {"RSA": rsa_bits, "EC": ec_bits}
    relied = [certificate for chain in certificates.served for certificate in chain.relied]
    roots = [root for chain in certificates.served for root in chain.roots]
    for certificate in relied:
        verdict = _weak_key(certificate, least) or _weak_signature(certificate)
        if verdict is not None:
            return verdict
    for root in roots:
        verdict = _weak_key(root, least)
        if verdict is not None:
            return verdict
    chains = certificates.complete()
    if not chains:
        return no_certificate(certificates)
    for chain in chains:
        _ = chain.signatures.value
        if certificates.public_roots:
            _ = chain.public_trust.value
        if certificates.declared_roots:
            _ = chain.declared_trust.value
    for certificate in relied:
        if not _is_known(certificate):
            return inconclusive(
                "unsupported key or signature algorithm: {measured}",
                measured=(certificate.key.kind, certificate.signature),
                cause=Cause.AMBIGUOUS,
            )
    keys = sorted({f"{certificate.key.kind} {certificate.key.bits}" for certificate in relied})
    return passed(
        "keys {measured} with strong signatures", measured=keys, facts=[certificate.sha256 for certificate in relied]
    )


def _weak_key(certificate: Certificate, least: dict[str, int]) -> Verdict | None:
    key = certificate.key
    if key.flaw is not None:
        return failed(_MESSAGES[key.flaw], certificate=certificate.subject, facts=certificate.sha256)
    if key.kind == "DSA":
        return failed("{certificate} has a DSA key, which clients no longer accept", certificate=certificate.subject)
    bits = least.get(key.kind)
    if bits is not None and key.bits is not None and key.bits < bits:
        return failed(
            "{certificate} has a key of {measured}; minimum is {threshold}",
            certificate=certificate.subject,
            measured=Quantity(value=key.bits, unit="bit"),
            threshold=Quantity(value=bits, unit="bit"),
            facts=certificate.sha256,
        )
    return None


def _weak_signature(certificate: Certificate) -> Verdict | None:
    if certificate.digest in _FORGEABLE:
        return failed(
            "{certificate} is signed with {measured}, which can be forged",
            certificate=certificate.subject,
            measured=certificate.signature,
            facts=certificate.sha256,
        )
    return None


def _is_known(certificate: Certificate) -> bool:
    key = certificate.key
    measurable = key.kind in _EDWARDS or (key.kind in ("RSA", "EC") and key.bits is not None)
    return measurable and (certificate.digest is not None or certificate.signature in _WITHOUT_DIGEST)
