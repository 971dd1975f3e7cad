from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.headers import names_version, shorten
from inspector_http.observations import Http

PRODUCT_HEADERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")


@check(
    "no-version-disclosed",
    title="Headers do not tell which software version runs",
    references=("RFC 9110 §10.2.4", "OWASP ASVS 4.0.3 V14.3.3"),
)
def no_version_disclosed(http: Http) -> Verdict:
    """A version number tells an attacker which published flaws to try, and no visitor needs it.

    Remediation: leave the version out; in nginx ``server_tokens off;``, in Apache ``ServerTokens Prod``, in PHP
    ``expose_php = Off``.
    """
    if http.is_shut:
        return not_applicable("nothing answers there", facts=("/speaks",))
    telling = [
        f"{header.name}: {shorten(header.value)}"
        for header in http.headers.value
        if header.name in PRODUCT_HEADERS and names_version(header.value)
    ]
    if telling:
        return failed("discloses {measured}", measured=telling, facts=("/headers",))
    return passed("no header discloses a version", facts=("/headers",))
