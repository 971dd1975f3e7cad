"""The whole line on servers whose session tickets last for minutes, for days, and for longer than TLS 1.3 allows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.resumption.ticket_servers import ticketing

WEEK = 7 * 86_400


@pytest.mark.parametrize(("level", "allowed_hours"), [(3, 84), (4, 24)])
def test_tickets(level: int, allowed_hours: int, line: Line, certificate: dict[str, str], tmp_path: Path) -> None:
    """A ticket of minutes is within the level's limit; one of a week or more exceeds it, confirmed by a second scan."""
    files = (Path(certificate["certificate"]), Path(certificate["key"]))
    shown = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
    with ExitStack() as stack:
        ports = [
            stack.enter_context(servers.nginx(tmp_path, f"{shown} ssl_session_timeout {timeout};"))
            for timeout in ("5m", "2d", "7d")
        ]
        ports.append(stack.enter_context(servers.answering(ticketing(files, 300, WEEK + 1))))
        at = [f"https://127.0.0.1:{port}" for port in ports]
        declared = line.declare(system(*(f"{each}/" for each in at), level=level), name=f"tickets-{level}.yaml")
        result: RunResult = line.call("run", declared, "--only", "ticket-lifetime-limited", "--fail-on", "low")
    minutes, days, week, longer = (result.finding("ticket-lifetime-limited", each) for each in at)
    assert result.code == 1
    assert minutes["outcome"] == "pass"
    assert minutes["measured"] == {"value": 300, "unit": "second"}
    assert days["outcome"] == ("pass" if level == 3 else "fail")
    assert [each["outcome"] for each in (week, longer)] == ["fail", "fail"]
    assert all(each["confirmed"] for each in (week, longer))
    assert longer["measured"] == {"value": WEEK + 1, "unit": "second"}
    assert week["threshold"] == {"value": allowed_hours * 3600, "unit": "second"}
