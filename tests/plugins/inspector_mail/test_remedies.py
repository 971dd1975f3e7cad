"""The records that remedies give for BIND make their checks pass, on a zone that BIND serves with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import Outcome, SubjectResult
from inspector.registry.registry import installed
from inspector.report.remedies import Remedy, remedies_of
from inspector_mail.probes import mail
from inspector_tls.mta_sts.probes import mta_sts
from tests.plugins.inspector_dns.named import ZoneSet, free_port, serve
from tests.plugins.inspector_dns.scanning import see, subject


def records() -> dict[str, Remedy]:
    """By check: the records."""
    registry = installed()
    mail_checks = [each for each in registry.checks if registry.package_of(each) in ("inspector_mail", "inspector_tls")]
    found = {check: remedies_of(registry.package_of(check), check).get("bind") for check in mail_checks}
    return {check: remedy for check, remedy in found.items() if remedy is not None and "/db." in remedy.place}


REMEDIES = records()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of BIND with one domain for each remedy, ``r0.vn`` and so on."""
    folder: Path = tmp_path_factory.mktemp("remedies")
    zone_set = ZoneSet(folder)
    for number, remedy in enumerate(REMEDIES.values()):
        lines = "\n".join(line.replace("example.vn", f"r{number}.vn") for line in remedy.lines)
        zone_set.add(f"r{number}.vn", f"@ NS ns1.vn.\n{lines}\n")
    below = "".join(f"r{number} NS ns1\n" for number in range(len(REMEDIES)))
    zone_set.add("vn", f"@ NS ns1\nns1 A 127.0.0.1\n{below}")
    port = free_port()
    with serve(folder / "named", zone_set.zones, port):
        yield port


@pytest.mark.parametrize("check", REMEDIES)
def test_the_records_make_the_check_pass(server: int, check: str) -> None:
    """Each remedy alone is enough for its check."""
    judged = installed().checks[check]
    uri = f"mail:r{list(REMEDIES).index(check)}.vn"
    (kind,) = [each.kind for each in judged.inputs]
    probe = mail if kind is mail.kind else mta_sts
    verdict = judged.evaluate([SubjectResult(subject(probe, uri), see(probe, uri, server))], {})
    assert verdict.outcome is Outcome.PASS, verdict
