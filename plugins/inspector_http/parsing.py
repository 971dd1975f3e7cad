"""Parses recorded exchanges into facts: pure."""

from __future__ import annotations

from datetime import datetime

from inspector import Answer, Cause, ParseContext, ScanFailure, ScanOutput, Uri
from inspector_http.cookies import kept_cookies, registrable_domain
from inspector_http.observations import (
    Cookie,
    ErrorPage,
    Header,
    Http,
    Instead,
    InsteadKind,
    Page,
    Redirect,
    SecurityFile,
    SecurityTxt,
    WebProtocol,
)
from inspector_http.redaction import PRODUCTS, Exchange, Exchanges
from inspector_http.security_txt import PATH, parse_file
from inspector_http.text import printable
from inspector_http.urls import HTTPS, location, plain, uri_of

OK = 200
BAD_REQUEST = 400
UNAUTHORISED = 401
TOO_MANY = 429
#: The version of replies over HTTP/2, as recorded.
HTTP2 = "HTTP/2"
#: Replies that say that there is no such file.
_ABSENT = frozenset({204, 404, 410})
#: Replies by which a web application firewall, or the server itself, rejects this client.
BLOCKS = {403: Cause.BLOCKED, TOO_MANY: Cause.RATE_LIMITED, 503: Cause.BLOCKED}
#: Header fields by which web application firewalls mark a challenge, whatever its status.
_CHALLENGES = {"cf-mitigated": "challenge", "x-amzn-waf-action": ""}
#: The products that do so.
_CHALLENGERS = {"cf-mitigated": "Cloudflare", "x-amzn-waf-action": "AWS WAF"}
#: What a status alone says of a reply in place of a page (RFC 9110 §15, RFC 6585).
_INSTEAD_BY_STATUS = {
    401: InsteadKind.LOG_IN,
    403: InsteadKind.REJECTED,
    407: InsteadKind.NETWORK,
    429: InsteadKind.RATE_LIMIT,
    503: InsteadKind.UNAVAILABLE,
    511: InsteadKind.NETWORK,
}
#: The marks of pages that stand in place of others, whatever their status; the status with which others count.
_INSTEAD_BY_MARK = {
    "client-certificate": InsteadKind.CLIENT_CERTIFICATE,
    "challenge": InsteadKind.CHALLENGE,
    "firewall": InsteadKind.FIREWALL,
}
_UNAVAILABLE = 503
#: What OpenSSL's alert says of a server that speaks none of the offered protocols (RFC 7301 §3.2).
_NO_PROTOCOL = "ALERT_NO_APPLICATION_PROTOCOL"


def parse_http(output: ScanOutput, context: ParseContext) -> Http:
    """The facts of one scan; raises ScanFailure when no reply shows which protocol the port answers."""
    recorded = output.named("exchanges.json")
    if recorded is None:
        raise ValueError("no exchange was recorded")
    exchanges = Exchanges.parse(recorded)
    subject = context.subject
    last = exchanges.followed[-1]
    protocol = _protocol(exchanges, subject.scheme)
    if protocol == subject.scheme:
        cause, status_cause = _why_unseen(last), last.cause
    else:
        cause = status_cause = Cause.REFUSED if protocol is WebProtocol.NONE else Cause.PROTOCOL_ERROR
    replies = tuple(each for each in exchanges.followed if each.cause is None)
    headers, cookies = _headers(replies[-1]) if replies else (), _cookies(replies, context.seen_at)
    target = location(last.url, last.status, (value for name, value in last.headers if name.lower() == "location"))
    return Http.model_validate(
        {
            "url": subject.uri,
            "scheme": subject.scheme,
            "host": subject.host or "",
            "protocol": _answer(protocol),
            "followed": tuple(str(uri_of(plain(each.url))) for each in replies[1:]),
            "status": _answer(last.status, status_cause),
            "redirect": _answer(
                _redirect(target.seen or ""), target.unseen or (None if last.status == UNAUTHORISED else cause)
            ),
            "leads_outside": exchanges.leads_outside,
            "headers": _answer(headers, cause),
            "cookies": _answer(cookies, cause),
            "meta_policies": _meta_policies(last, cause),
            "received_headers": headers if cause else (),
            "received_cookies": cookies if cause else (),
            "certificate": exchanges.certificate,
            "page": _page(last, cause),
            "received_page": _with_domain(last) if cause else None,
            "version": last.version,
            "http1_fields": _http1_fields(exchanges, last),
            "instead": _instead(exchanges, last, target.seen or "") if protocol == subject.scheme else None,
            "error_page": _error_page(exchanges.missing),
        }
    )


def _instead(exchanges: Exchanges, last: Exchange, redirect: str) -> Instead | None:
    """What came in place of the page; None where that is not known, or it is the page."""
    if last.status is None:
        return Instead(kind=InsteadKind.CLIENT_CERTIFICATE) if last.cause is Cause.BLOCKED else None
    if exchanges.leads_outside and exchanges.to_log_in:
        return Instead(kind=InsteadKind.IDENTITY_PROVIDER, by=uri_of(plain(redirect)).service)
    if names := _challengers(last):
        return Instead(kind=InsteadKind.CHALLENGE, by=names[0])
    marks = _marks(last)
    for kind, product in marks:
        if kind in _INSTEAD_BY_MARK:
            by = "" if kind == "client-certificate" else product
            return Instead(kind=_INSTEAD_BY_MARK[kind], by=by)
    if last.status == _UNAVAILABLE:
        for kind, product in marks:
            if kind == "maintenance":
                return Instead(kind=InsteadKind.MAINTENANCE, by=product)
    if last.status < BAD_REQUEST:
        return None
    return Instead(kind=_INSTEAD_BY_STATUS.get(last.status, InsteadKind.ERROR), by=str(last.status))


def _marks(reply: Exchange) -> list[tuple[str, str]]:
    """The marks of a page, as kind and product."""
    return [
        (kind, name) for kind, _, name in (each.partition(":") for each in (reply.page.marks if reply.page else ()))
    ]


def _challengers(reply: Exchange) -> list[str]:
    """The products that mark a reply as their challenge by a header field."""
    named = {name.lower(): value.lower() for name, value in reply.headers}
    return [who for name, who in _CHALLENGERS.items() if name in named and named[name].startswith(_CHALLENGES[name])]


def _http1_fields(exchanges: Exchanges, last: Exchange) -> dict[str, object]:
    """The answer which header fields the same page has over HTTP/1.1."""
    other = exchanges.http1
    if other is None:
        return _answer(None, last.http2_failure if last.version.startswith("HTTP/1") else Cause.NOT_SELECTED)
    if other.cause is not None and _NO_PROTOCOL in other.detail:
        return _answer(None)
    if other.status != last.status:
        return _answer(None, _why_unseen(other) or Cause.UNSTABLE)
    return _answer(sorted({each.name for each in _headers(other)}), _why_unseen(other))


def _error_page(reply: Exchange | None) -> dict[str, object]:
    """The answer how a path that cannot exist is answered."""
    if reply is None:
        return _answer(None, Cause.NOT_SELECTED)
    if reply.cause is not None or reply.status is None:
        return _answer(None, reply.cause or Cause.PROTOCOL_ERROR)
    if reply.page is None and (reply.page_cause or reply.body_cause):
        return _answer(None, reply.page_cause or reply.body_cause)
    marks = reply.page.marks if reply.page else ()
    is_read = reply.page is not None or not reply.body_bytes
    products = tuple(each for each in _headers(reply) if each.name.encode("latin-1") in PRODUCTS)
    rejected = _why_rejected(reply)
    return _answer(ErrorPage(status=reply.status, products=products, marks=marks, is_read=is_read, rejected=rejected))


def _answer(value: object, cause: Cause | None = None) -> dict[str, object]:
    """An answer in its JSON form."""
    return {"unseen": cause} if cause else {"seen": value}


def _meta_policies(last: Exchange, cause: Cause | None) -> dict[str, object]:
    """The answer which policies stand in the page."""
    if cause is None and last.meta_policies is None:
        cause = last.body_cause or Cause.AMBIGUOUS
    return _answer([printable(each) for each in last.meta_policies or ()], cause)


def _page(last: Exchange, cause: Cause | None) -> dict[str, object]:
    """The answer what the page names."""
    if cause is None and last.page is None:
        cause = last.page_cause or Cause.AMBIGUOUS
    return _answer(_with_domain(last), cause)


def _with_domain(last: Exchange) -> Page | None:
    """What the last reply names, with the registrable domain of its host."""
    if last.page is None:
        return None
    return last.page.model_copy(update={"own_domain": registrable_domain(uri_of(plain(last.url)).host)})


def _protocol(exchanges: Exchanges, scheme: str) -> WebProtocol:
    """The protocol that the port answers; raises ScanFailure when no reply shows it."""
    first, other = exchanges.followed[0], exchanges.other
    if other is not None and other.cause is None:
        if scheme == "http":
            return WebProtocol.HTTPS
        if not _demands_tls(other):
            return WebProtocol.HTTP
    if first.cause is None:
        return WebProtocol(scheme)
    if first.cause is Cause.REFUSED:
        return WebProtocol.NONE
    if first.cause is Cause.BLOCKED:  # TLS ended for want of a certificate of the client
        return WebProtocol(scheme)
    raise ScanFailure(first.cause, first.detail or "no reply")


def _demands_tls(reply: Exchange) -> bool:
    """Whether a reply over plain HTTP is that of an HTTPS port: an error, or a redirect to HTTPS on the same port."""
    values = (value for name, value in reply.headers if name.lower() == "location")
    target = location(reply.url, reply.status, values).seen
    requested = uri_of(plain(reply.url))
    service = Uri(HTTPS, requested.host, requested.port).service
    return reply.status == BAD_REQUEST or (target or "").startswith(service + "/")


def _why_unseen(last: Exchange) -> Cause | None:
    """Why the last reply is not that of the page itself; None when it is."""
    if last.cause is not None or last.status is None:
        return last.cause or Cause.PROTOCOL_ERROR
    if rejected := _why_rejected(last):
        return rejected
    return Cause.AMBIGUOUS if last.status >= 400 else None


def _why_rejected(reply: Exchange) -> Cause | None:
    """Why a reply says nothing of what was asked for: a firewall, a limit or a demand for a log-in stands before it."""
    if reply.status in BLOCKS:
        return BLOCKS[reply.status]
    if _challengers(reply) or any(kind in _INSTEAD_BY_MARK for kind, _ in _marks(reply)):
        return Cause.BLOCKED
    return Cause.AMBIGUOUS if reply.status in _INSTEAD_BY_STATUS else None


def _redirect(url: str) -> Redirect | None:
    if not url:
        return None
    uri = uri_of(plain(url))
    return Redirect(url=str(uri), scheme=uri.scheme.name, host=uri.host)


def _headers(reply: Exchange) -> tuple[Header, ...]:
    return tuple(Header(name=printable(name).lower(), value=printable(value.strip())) for name, value in reply.headers)


def _cookies(replies: tuple[Exchange, ...], seen_at: datetime) -> tuple[Cookie, ...]:
    """The cookies that remain set after these replies."""
    requests = ((uri_of(plain(reply.url)), reply.headers) for reply in replies)
    return kept_cookies(
        (
            (uri.host, uri.path, value)
            for uri, headers in requests
            for name, value in headers
            if name.lower() == "set-cookie"
        ),
        seen_at,
    )


def parse_security_txt(output: ScanOutput, context: ParseContext) -> SecurityTxt:
    """The file of one scan; raises ScanFailure when there was no reply at all."""
    recorded, kept = output.named("exchanges.json"), output.named("security.txt")
    if recorded is None or kept is None:
        raise ValueError("no exchange was recorded")
    followed = Exchanges.parse(recorded).followed
    first, last = followed[0], followed[-1]
    if first.cause is not None:
        raise ScanFailure(first.cause, first.detail or "no reply")
    target = location(last.url, last.status, (value for name, value in last.headers if name.lower() == "location"))
    leads_to = str(uri_of(plain(target.seen))) if target.seen else ""
    cause = target.unseen or (Cause.OUT_OF_SCOPE if leads_to else _why_no_file(last))
    absent = last.status in _ABSENT
    file = None if absent else parse_file(kept, f"{context.subject.uri}{PATH}", _media_type(last))
    return SecurityTxt(
        url=f"{context.subject.uri}{PATH}",
        seen_at=context.seen_at,
        file=Answer[SecurityFile | None](unseen=cause) if cause else Answer[SecurityFile | None](seen=file),
        leads_to=leads_to,
    )


def _why_no_file(last: Exchange) -> Cause | None:
    """Why the last reply does not show whether there is a file; None when it does."""
    if last.status in _ABSENT and last.cause is None:
        return None
    cause = _why_unseen(last) or last.body_cause
    if cause is not None:
        return cause
    is_whole = last.body_complete and not any(name.lower() == "content-encoding" for name, _ in last.headers)
    return None if last.status == OK and is_whole else Cause.AMBIGUOUS


def _media_type(reply: Exchange) -> str:
    types = [value for name, value in reply.headers if name.lower() == "content-type"]
    return printable(types[-1]).split(";")[0].strip().lower() if types else ""
