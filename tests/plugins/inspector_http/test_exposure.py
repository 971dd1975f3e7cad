"""The probes of other origins and of exposed paths against running servers; what a server may send to them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, ParseContext, ScanFailure
from inspector.model.base import now
from inspector_http.exposure import KNOWN, MISSING, StoredExposure, StoredPath, exposure, parse_exposure
from inspector_http.observations import Sharing
from tests.plugins.inspector_http.record import exposed, origins, page
from tests.plugins.inspector_http.webservers import SECRET, answering, nginx
from tests.plugins.inspector_services.scanning import INTRUSIVE, scan
from tests.plugins.inspector_services.servers import own_address


def test_nothing_of_an_exposed_file_is_kept() -> None:
    """Neither its bytes nor a digest of them; a path that is not on the list is not asked for."""
    address = own_address()
    with nginx(address):
        output, facts = exposed("https://web.test:8478/", address, paths=("/.env", "/not-on-the-list"))
    assert SECRET.encode() not in b"".join(raw.data for raw in output.raw)
    assert [(each.path, each.is_exposed.seen, each.is_exposed.unseen) for each in facts.paths] == [
        ("/.env", True, None),
        ("/not-on-the-list", None, Cause.NOT_SELECTED),
    ]


@pytest.mark.parametrize(("habit", "cause"), [("too-many", Cause.RATE_LIMITED), ("unavailable", Cause.BLOCKED)])
def test_behind_a_refusal_no_path_counts_as_absent(habit: str, cause: Cause) -> None:
    """What a service that is overloaded would give away is not known; one that asks to slow down is asked no more."""
    address = own_address()
    with answering(address, {9000: habit}):
        output, facts = exposed("http://web.test:9000/", address, paths=("/.env", "/.git/HEAD"))
        other = origins("http://web.test:9000/", address)[1]
    assert {each.is_exposed.unseen for each in facts.paths} == {cause}
    assert other.foreign.unseen is cause
    stored = StoredExposure.parse(output.named("exposure.json") or b"")
    assert [each.status is None for each in stored.paths] == [False, cause is Cause.RATE_LIMITED]


def test_behind_a_block_page_no_path_counts_as_absent() -> None:
    """Where the path that cannot exist is forbidden as well, a refusal of another one shows nothing about it."""
    address = own_address()
    with answering(address, {9000: "blocked"}):
        _, facts = exposed("http://web.test:9000/", address, paths=("/.env", "/.git/HEAD"))
    assert [each.is_exposed.unseen for each in facts.paths] == [Cause.BLOCKED] * 2
    assert facts.trace.unseen is Cause.BLOCKED


def test_an_endless_body_ends_at_its_bound() -> None:
    """A service that answers every path with a body without end gives away nothing by that."""
    address = own_address()
    with answering(address, {9000: "endless-body"}):
        _, facts = exposed("http://web.test:9000/", address, paths=("/.env", "/backup.sql"))
        other = origins("http://web.test:9000/", address)[1]
    assert [each.is_exposed.seen for each in facts.paths] == [False, False]
    assert other.foreign.seen is Sharing.NONE


def test_a_service_without_any_reply_is_no_observation() -> None:
    """Nothing is said about paths that nobody answered for."""
    missing = StoredPath(path=MISSING, cause=Cause.RESET)
    stored = StoredExposure(missing=missing, trace=missing, paths=(StoredPath(path="/.env", cause=Cause.RESET),))
    target = page("http://web.test:9000/", own_address())
    with answering(target.address, {9000: "missing"}):
        output = scan(exposure, target, authorisation=INTRUSIVE, paths=("/.env",))
    broken = output.model_copy(update={"raw": (output.raw[0].model_copy(update={"data": stored.canonical()}),)})
    with pytest.raises(ScanFailure) as raised:
        parse_exposure(broken, ParseContext(subject=target.subject, seen_at=now()))
    assert raised.value.cause is Cause.RESET


@given(st.sampled_from(sorted(KNOWN)), st.binary(max_size=300))
def test_a_page_in_html_gives_away_no_file(path: str, noise: bytes) -> None:
    """What begins as a page is none of the files, whatever it holds; consoles and states are pages."""
    if path in ("/server-status", "/server-info", "/phpinfo.php", "/phpmyadmin/", "/wp-config.php.bak"):
        return
    assert re.match(KNOWN[path], b"<!doctype html><html>" + noise.replace(b"\n", b" ")) is None
