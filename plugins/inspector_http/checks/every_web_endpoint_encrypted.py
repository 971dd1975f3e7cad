from __future__ import annotations

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_http.observations import Http, WebProtocol


@check(
    "every-web-endpoint-encrypted",
    title="All web endpoints are encrypted (HTTPS)",
    about=SubjectKind.SYSTEM,
    references=("RFC 9110 §17.1", "OWASP ASVS 4.0.3 V9.1.1"),
    needs=(),
)
def every_web_endpoint_encrypted(pages: Every[Http]) -> Verdict:
    """One endpoint that serves content over plain HTTP is enough to expose a session or a password that all the others
    protect.

    Remediation: serve every endpoint over HTTPS; let port 80 only redirect, or close it.
    """
    unencrypted = sorted({page.url for page in pages if _serves_plain_http(page)})
    if unencrypted:
        return failed("serves content over plain HTTP: {measured}", measured=unencrypted)
    doubts = [page.redirect.unseen for page in pages if page.protocol.value is WebProtocol.HTTP]
    cause = next(filter(None, doubts), None)
    if cause is not None:
        return inconclusive("the reply of an endpoint over plain HTTP was not seen", cause=cause)
    answering = sum(page.protocol.value is not WebProtocol.NONE for page in pages)
    if not answering and len(pages):
        return inconclusive("no web endpoint accepts connections", cause=Cause.REFUSED)
    return passed("none of {count} web endpoints serves content over plain HTTP", count=answering)


def _serves_plain_http(page: Http) -> bool:
    """Whether it was seen to answer over plain HTTP with anything but a redirect."""
    if page.protocol.seen is not WebProtocol.HTTP:
        return False
    return page.scheme == "https" or (page.redirect.is_seen and page.redirect.seen is None)
