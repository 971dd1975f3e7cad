"""Answers that look like a flaw and are none, or the other way round. Pure."""

from __future__ import annotations

import pytest

from inspector import Cause
from inspector_services.logins import StoredLogin, admits
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Turn
from inspector_services.protocols.http import DOCKER_VERSION, GET, HTTP
from inspector_services.protocols.redis import PING, REDIS


def _web(status: str, *, server: str = "", body: bytes = b"", tls: bool = False, question: str = GET.name) -> Banner:
    head = f"HTTP/1.1 {status}\r\nServer: {server}\r\n".encode()
    return HTTP.describe((Turn(question=question, received=head + b"\r\n" + body, tls=tls),))


@pytest.mark.parametrize(
    ("banner", "product", "cleartext"),
    [
        (_web("301 Moved Permanently", server="cpsrvd/11.110"), "cPanel", None),
        (_web("301 Moved Permanently", server="pve-api-daemon/3.0"), "Proxmox VE", None),
        (_web("200 Document follows", server="MiniServ/2.105", body=b"running in SSL mode"), "Webmin", None),
        (_web("200 OK", server="MiniServ/2.105", body=b"<title>Login to Webmin</title>"), "Webmin", True),
        (_web("200 OK", server="cpsrvd/11.110", tls=True), "cPanel", False),
    ],
)
def test_a_page_is_in_cleartext_only_where_the_page_itself_is(
    banner: Banner, product: str, cleartext: bool | None
) -> None:
    """A server that only redirects to HTTPS, or says that it wants TLS, names itself in the same field."""
    assert banner.protocol is ServiceProtocol.ADMINISTRATION_PAGE
    assert (banner.product, banner.cleartext) == (product, cleartext)


def test_docker_is_identified_by_its_fields_at_any_path() -> None:
    """At a number that is not its own it is asked for the page alone, which it does not have."""
    head = b"HTTP/1.1 404 Not Found\r\nApi-Version: 1.43\r\nDocker-Experimental: false\r\n\r\n"
    for question, authentication in ((GET.name, None), (DOCKER_VERSION.name, None)):
        banner = HTTP.describe((Turn(question=question, received=head),))
        assert (banner.protocol, banner.authentication) == (ServiceProtocol.DOCKER, authentication)


@pytest.mark.parametrize(
    ("code", "admitted"),
    [("230", True), ("232", True), ("530", False), ("500", False), ("220", None), ("202", None), ("421", None)],
)
def test_only_a_reply_that_says_so_admits_a_guest(code: str, admitted: bool | None) -> None:
    """A late line of the greeting, and a command that was superfluous, are answered with codes of success, too."""
    answer = admits(StoredLogin(port=21, protocol=ServiceProtocol.FTP, code=code, auth="502"))
    assert (answer.seen, answer.unseen) == (admitted, Cause.AMBIGUOUS if admitted is None else None)


@pytest.mark.parametrize(
    ("info", "authentication"),
    [
        (b"-NOPERM this user has no permissions to run the 'info' command\r\n", None),
        (b"-ERR unknown command 'INFO'\r\n", False),
        (b"$22\r\nredis_version:7.0.15\r\n\r\n", False),
    ],
)
def test_a_redis_that_answers_ping_alone_may_ask_for_a_log_in(info: bytes, authentication: bool | None) -> None:
    """The rules of the user that everybody is may permit nothing else."""
    turns = (Turn(question=PING.name, received=b"+PONG\r\n"), Turn(question="redis info", received=info))
    assert REDIS.describe(turns).authentication is authentication
