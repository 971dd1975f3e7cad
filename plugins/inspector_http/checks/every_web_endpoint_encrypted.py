from __future__ import annotations

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_http.observations import Http, Speech


@check(
    "every-web-endpoint-encrypted",
    title="No web endpoint of the system serves content in clear",
    about=SubjectKind.SYSTEM,
    references=("RFC 9110 §17.1", "OWASP ASVS 4.0.3 V9.1.1"),
)
def every_web_endpoint_encrypted(pages: Every[Http]) -> Verdict:
    """One endpoint in clear is enough to lose a session or a password that all the others protect.

    Remediation: serve every endpoint over HTTPS; let port 80 redirect or stay closed.
    """
    clear = sorted({page.url for page in pages if _serves_in_clear(page)})
    if clear:
        return failed("served in clear: {measured}", measured=clear)
    doubts = [page.redirect.unseen for page in pages if page.speaks.value is Speech.HTTP]
    cause = next(filter(None, doubts), None)
    if cause is not None:
        return inconclusive("what an endpoint says in clear was not seen", cause=cause)
    return passed("of {count} web endpoints none serves content in clear", count=len(pages))


def _serves_in_clear(page: Http) -> bool:
    """Whether it was seen to answer in clear otherwise than by a redirect."""
    if page.speaks.seen is not Speech.HTTP:
        return False
    return page.scheme == "https" or (page.redirect.is_seen and page.redirect.seen is None)
