from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import answers
from inspector_http.headers import names_version, shorten
from inspector_http.observations import Http

PRODUCT_HEADERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")


@check(
    "no-version-disclosed",
    title="Server software version is not disclosed",
    references=("RFC 9110 §10.2.4", "OWASP ASVS 4.0.3 V14.3.3"),
    applies=answers,
    needs=(),
)
def no_version_disclosed(http: Http) -> Verdict:
    """A version number shows an attacker which published vulnerabilities to try, and no visitor needs it.

    An error page that names a version discloses it as well.

    Remediation: remove the version from the headers; in PHP ``expose_php = Off``.
    """
    disclosing = [
        f"{header.name}: {shorten(header.value)}"
        for header in http.all_headers
        if header.name in PRODUCT_HEADERS and names_version(header.name, header.value)
    ]
    if disclosing:
        return failed("discloses {measured}", measured=disclosing, facts=(http.headers_fact,))
    http.require_page()
    return passed("no header discloses a version", facts=("/headers",))
