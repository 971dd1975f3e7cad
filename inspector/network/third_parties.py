"""Sessions to a host that a scan discovered and an authorisation names, e.g. a certificate's OCSP responder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.model.subject import BadUri, Scheme, SubjectKind, Uri, UriForm, parse_uri, subject_of
from inspector.network.resolution import resolve_and_pin, routable
from inspector.plugin.probe import Target
from inspector.record.plan import PinnedHost

if TYPE_CHECKING:
    from inspector.network.session import ProbeSession

_HTTP = Scheme("http", UriForm.PAGE, 80)


async def sessions_to(session: ProbeSession, url: str) -> tuple[ProbeSession, ...]:
    """A session for each address of the host of an HTTP URL, which is not the scan's own target.

    The name is resolved only when an authorisation might cover it. Raises ScanFailure: that of the scope when none
    does, that of the name when it has no address.
    """
    if not session.probe.contacts_third_parties:
        raise ScanFailure(Cause.BUG, f"{session.probe.name!r} does not declare that it contacts third parties")
    uri = _parse(url)
    known = await _pinned(session, uri)
    if not known.addresses:
        raise ScanFailure(known.failure or Cause.NOT_REACHED, known.detail or f"{uri.host} has no address")
    reachable = [address for address in known.addresses if routable(address)]
    if not reachable:
        raise ScanFailure(Cause.WRONG_VANTAGE, f"no route from this vantage to {', '.join(known.addresses)}")
    found: list[ProbeSession] = []
    refusal: ScanFailure | None = None
    for address in reachable:
        try:
            found.append(_session(session, uri, address))
        except ScanFailure as failure:
            refusal = refusal or failure
    if not found and refusal is not None:
        raise refusal
    return tuple(found)


def _parse(url: str) -> Uri:
    try:
        return parse_uri(url, {_HTTP.name: _HTTP})
    except BadUri as error:
        raise ScanFailure(Cause.PROTOCOL_ERROR, str(error)[:300]) from None


async def _pinned(session: ProbeSession, uri: Uri) -> PinnedHost:
    """The host's pin, made now if it has none. Raises ScanFailure when no authorisation might cover it."""
    scope = session.scope
    if not scope.might_cover(uri.host):
        subject = subject_of(uri, SubjectKind.URL, parent=session.target.uri)
        scope.permit(subject, intrusiveness=session.probe.intrusiveness, at=now(), port=uri.port, third_party=True)
    known = scope.pinned(uri.host)
    if known is None:
        scope.learn(await resolve_and_pin([uri.host], session.settings, session.admission.ledger))
        known = scope.pinned(uri.host)
    return known or PinnedHost(name=uri.host)


def _session(session: ProbeSession, uri: Uri, address: str) -> ProbeSession:
    subject = subject_of(uri, SubjectKind.URL, address=address, parent=session.target.uri)
    granted = session.scope.permit(
        subject, intrusiveness=session.probe.intrusiveness, at=now(), port=uri.port, third_party=True
    )
    return session.third_party(Target(subject, session.target.declared), granted)
