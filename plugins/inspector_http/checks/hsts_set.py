from __future__ import annotations

from inspector import CertificateFlaw, Quantity, Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import is_https
from inspector_http.headers import HSTS, hsts_max_age, shorten
from inspector_http.observations import Http, Part

YEAR_SECONDS = 31_536_000
#: Why browsers reject a certificate whoever issued it, as message text.
REASONS = {
    CertificateFlaw.EXPIRED: "it has expired",
    CertificateFlaw.NOT_YET_VALID: "it is not valid yet",
    CertificateFlaw.OTHER_NAME: "it is for another name",
    CertificateFlaw.INVALID: "it is not valid",
}


@check(
    "hsts-set",
    title="HSTS is enabled",
    references=("RFC 6797 §6.1", "RFC 6797 §8.1"),
    applies=is_https,
    needs=(Part.CERTIFICATE,),
)
def hsts_set(http: Http, *, max_age_seconds: int = YEAR_SECONDS) -> Verdict:
    """With HTTP Strict Transport Security (HSTS) browsers connect to the name over HTTPS only, so that an attacker on
    the path cannot downgrade them to plain HTTP.

    Browsers process the first Strict-Transport-Security header of a reply over HTTPS, whatever its status, and none for
    an IP address, nor one that comes with a certificate that they reject.

    Remediation: send ``Strict-Transport-Security: max-age=31536000`` with every HTTPS reply, under a valid certificate.
    """
    if http.is_address:
        return not_applicable("browsers ignore HSTS for IP addresses")
    values = [header.value for header in http.all_headers if header.name == HSTS]
    age = hsts_max_age(values[0]) if values else None
    if age is None:
        http.require_page()
        return _not_enabled(values)
    measured, threshold = Quantity(value=age, unit="second"), Quantity(value=max_age_seconds, unit="second")
    if age < max_age_seconds:
        return failed(
            "max-age is {measured}; at least {threshold} is required",
            measured=measured,
            threshold=threshold,
            facts=(http.headers_fact,),
        )
    return _heeded(http, measured, threshold)


def _heeded(http: Http, measured: Quantity, threshold: Quantity) -> Verdict:
    """The verdict on a sufficient header: clients heed it only if they accept the certificate (RFC 6797 §8.1)."""
    flaw = http.certificate.value
    facts = (http.headers_fact, "/certificate")
    if flaw is None:
        return passed("max-age is {measured}", measured=measured, threshold=threshold, facts=facts)
    if flaw is CertificateFlaw.UNKNOWN_ISSUER:
        return passed(
            "max-age is {measured}, for clients that have the root of the certificate: it is no known one",
            measured=measured,
            threshold=threshold,
            facts=facts,
        )
    return failed(
        "browsers ignore the max-age of {measured}, because they reject the certificate: {reason}",
        measured=measured,
        threshold=threshold,
        reason=REASONS[flaw],
        facts=facts,
    )


def _not_enabled(values: list[str]) -> Verdict:
    if not values:
        return failed("sends no Strict-Transport-Security", facts=("/headers",))
    return failed(
        "sends a Strict-Transport-Security that browsers ignore: {measured}",
        measured=shorten(values[0]),
        facts=("/headers",),
    )
