"""What Zonemaster says of the zones in the lab, stored: each difference is explained, no explanation is left over."""

from __future__ import annotations

import json
from pathlib import Path

from tests.agreement.zones import EXPLAINED, MESSAGES, STORED, decided, unexplained
from tests.plugins.inspector_dns.internet import ZONES, internet


def test_every_difference_from_zonemaster_is_explained() -> None:
    """Zonemaster was run on every zone; it agrees on every check that it has, or a reason is given."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert set(stored) == {zone.name for zone in ZONES}
    assert list(unexplained(stored)) == []


def test_checks_with_a_counterpart_are_planted() -> None:
    """Each check that Zonemaster has, too, fails on one zone at least."""
    assert {check for zone in ZONES for check in zone.failing} >= MESSAGES.keys()


def test_a_third_tool_decides_the_differences(tmp_path: Path) -> None:
    """What is said to explain a difference is what dig or delv prints of the zone."""
    assert EXPLAINED
    with internet(tmp_path) as running:
        assert list(decided(running, tmp_path)) == []
