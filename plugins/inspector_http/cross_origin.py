"""The probe of requests that browsers make for pages of other origins (Fetch, CORS protocol)."""

from __future__ import annotations

from inspector import Answer, Cause, Cost, Network, ParseContext, ScanOutput, SubjectKind, Target, Uri, probe
from inspector_http.observations import CrossOrigin, Http, Sharing
from inspector_http.parsing import BLOCKS
from inspector_http.probes import gaps_of, recorded
from inspector_http.redaction import Exchange, Exchanges, Redaction, is_plain
from inspector_http.session import BODY_SECONDS, HEAD_SECONDS, HTTP2_BROKEN, REFUSED_HELLOS, Session
from inspector_http.urls import HTTP, HTTPS, uri_of

#: An origin of which no server knows: the name is reserved (RFC 6761 §6.4).
FOREIGN = "https://inspector.invalid"
#: The origin of pages without one, as those in a sandboxed frame: anyone can make such a page.
NULL = "null"
_PREFLIGHT = {
    "Origin": NULL,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "content-type",
}


def parse_cross_origin(output: ScanOutput, context: ParseContext) -> CrossOrigin:
    """The facts of one scan."""
    kept = output.named("exchanges.json")
    if kept is None:
        raise ValueError("no exchange was recorded")
    simple, *others = Exchanges.parse(kept).followed
    preflight = others[0] if others else Exchange(url=simple.url, cause=Cause.NOT_SELECTED)
    return CrossOrigin(
        url=context.subject.uri,
        page=simple.url,
        foreign=_sharing(simple, FOREIGN),
        without_origin=_sharing(preflight, NULL),
        methods=_methods(preflight),
    )


def _unseen(reply: Exchange) -> Cause | None:
    """Why a reply says nothing about other origins: a refusal by 403 or 405 does, since browsers get it, too."""
    if reply.status is None:
        return reply.cause or Cause.PROTOCOL_ERROR
    return BLOCKS.get(reply.status) if reply.status != 403 else None


def _sharing(reply: Exchange, origin: str) -> Answer[Sharing]:
    cause = _unseen(reply)
    allowed = _values(reply, "access-control-allow-origin")
    if cause is not None and not allowed:
        return Answer[Sharing](unseen=cause)
    if allowed == ["*"]:
        return Answer[Sharing](seen=Sharing.EVERYONE)
    if allowed != [origin]:  # also where there are several: browsers heed none
        return Answer[Sharing](seen=Sharing.NONE)
    is_with_cookies = _values(reply, "access-control-allow-credentials") == ["true"]
    return Answer[Sharing](seen=Sharing.CREDENTIALS if is_with_cookies else Sharing.EVERYONE)


def _methods(reply: Exchange) -> Answer[tuple[str, ...] | None]:
    cause = _unseen(reply)
    if cause is not None:
        return Answer[tuple[str, ...] | None](unseen=cause)
    values = _values(reply, "allow")
    found = sorted({each.strip().upper() for value in values for each in value.split(",") if each.strip()})
    return Answer[tuple[str, ...] | None](seen=tuple(found) if values else None)


def _values(reply: Exchange, name: str) -> list[str]:
    return [value.strip() for each, value in reply.headers if each.lower() == name]


@probe(
    "cross-origin",
    kind=CrossOrigin,
    schemes={HTTPS, HTTP},
    subject_kind=SubjectKind.URL,
    parse=parse_cross_origin,
    needs_parts=(),
    cost=Cost(connections=2 + REFUSED_HELLOS + HTTP2_BROKEN, seconds=int(HEAD_SECONDS + BODY_SECONDS) * 2),
)
async def cross_origin(_target: Target, network: Network, page: Http, *, preflight: bool = False) -> ScanOutput:
    """Get the page as for a page of another origin; with ``preflight`` ask by OPTIONS what one without any may do.

    Browsers send both of their own accord for any page that asks them to; neither changes anything, and no cookie goes
    with them. Nothing is asked where the page was not seen, or is only a redirect to another service.
    """
    if not page.headers.is_seen or page.redirect.seen is not None:
        cause = page.headers.unseen or Cause.OUT_OF_SCOPE
        skipped = Exchange(url=page.url, cause=cause, detail="the page was not seen")
        return ScanOutput(raw=(recorded(Exchanges(followed=(skipped, skipped) if preflight else (skipped,))),))
    session = Session(network, Redaction(network.fingerprint), verify=False, reads_pages=False)
    url = _asked(page)
    simple, _ = await session.get(url, headers={"Origin": FOREIGN})
    followed: tuple[Exchange, ...] = (simple,)
    if preflight:
        asked_first, _ = await session.get(url, method="OPTIONS", headers=_PREFLIGHT)
        followed = (simple, asked_first)
    return ScanOutput(raw=(recorded(Exchanges(followed=followed)),), gaps=gaps_of(followed))


def _asked(page: Http) -> str:
    """The URL of the page at the end of its redirects, unless a part of it was replaced in what is recorded."""
    last: Uri = uri_of(page.followed[-1] if page.followed else page.url)
    return str(last) if all(is_plain(each) for each in last.path.split("/") if each) else page.url
