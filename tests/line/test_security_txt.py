"""The file security.txt through the whole inspection: what it says decides, and that it is missing does not."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from inspector.cli.exit_code import FAILING
from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_http.webservers import SECURITY_FILES
from tests.plugins.inspector_tls.authority import issue, root
from tests.plugins.inspector_tls.servers import nginx

NAMES = ("valid", "expired", "absent")
CHECKS = ("vulnerability-contact-published", "incident-address-published")


@pytest.fixture(scope="module")
def results(line: Line, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """One run for each of three servers, with both checks alone."""
    found = {}
    folder = tmp_path_factory.mktemp("security-txt")
    certificate, key = issue("localhost", root(), dns=["localhost"]).write(folder, "leaf")
    shown = f"ssl_certificate {certificate}; ssl_certificate_key {key}; types {{ text/plain txt; }}"
    with ExitStack() as stack:
        for name in NAMES:
            place = folder / name
            place.mkdir()
            if name in SECURITY_FILES:
                (place / "security.txt").write_bytes(SECURITY_FILES[name])
            alias = f"location /.well-known/ {{ alias {place}/; }}"
            port = stack.enter_context(nginx(_own(folder, name), f"{shown} {alias}"))
            declared = line.declare(system(f"https://127.0.0.1:{port}/", level=3), name=f"{name}.yaml")
            only = [argument for check in CHECKS for argument in ("--only", check)]
            found[name] = line.spawn("run", declared, *only, "--fail-on", "low")
    return found


def _own(folder: Path, name: str) -> Path:
    own = folder / f"nginx-{name}"
    own.mkdir()
    return own


@pytest.mark.parametrize(
    ("name", "contact", "address"),
    [
        ("valid", ("pass", None), ("pass", None)),
        ("expired", ("fail", None), ("inconclusive", "not-stated")),
        ("absent", ("inconclusive", "not-stated"), ("inconclusive", "not-stated")),
    ],
)
def test_the_line_judges_each_server(
    name: str,
    contact: tuple[str, str | None],
    address: tuple[str, str | None],
    results: dict[str, RunResult],
) -> None:
    """A valid file passes both, an expired one fails with severity low, a missing one decides nothing."""
    result = results[name]
    assert tuple(result.verdict(check) for check in CHECKS) == (contact, address)
    assert result.finding(CHECKS[0])["severity"] == "low"


def test_only_what_misleads_changes_the_exit_code(results: dict[str, RunResult]) -> None:
    """Other channels are allowed: without a file the command ends as with a valid one."""
    assert results["expired"].code == FAILING
    assert results["absent"].code == results["valid"].code == 0


@pytest.mark.parametrize(("name", "requests"), [("valid", 1), ("absent", 1), ("expired", 2)])
def test_each_scan_is_one_request(name: str, requests: int, results: dict[str, RunResult]) -> None:
    """One connection for the file, and a second one where a failure is confirmed."""
    opened = [each for each in results[name].ledger if each.probe == "security-txt"]
    assert len(opened) == requests
