"""The systems of an inventory in a campaign: who can be declared is inspected, who cannot is listed with the cause."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from inspector.campaign.candidates import select
from inspector.campaign.inventory_source import InventorySource, read_inventory
from inspector.declare.campaign import Campaign, CampaignKind, CampaignSelection
from inspector.declare.document import SourceMap
from inspector.engine.engine import NotInspected
from inspector.inventory import snapshot as snapshots
from inspector.inventory.organisation import Organisation, OrganisationKind, Scope
from inspector.inventory.system import InventorySystem, LevelApproval, Origin, Role, SystemKind
from inspector.model.declared import ApprovalStatus, Stage
from inspector.model.errors import BundleError
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.seal.signing import SigningKey

DAY = date(2026, 12, 14)


def of(organisation: str, known: str, **changes: Any) -> InventorySystem:
    values: dict[str, Any] = {
        "organisation": organisation,
        "id": known,
        "name": known,
        "level": 3,
        "kind": SystemKind.SERVICE,
        "approval": LevelApproval(status=ApprovalStatus.NONE),
        "endpoints": (f"https://{known}.line.test/",),
        "origin": Origin(organisation=organisation, role=Role.OWNER, as_of=DAY, file="f.csv", at="2:1"),
    }
    return InventorySystem.model_validate({**values, **changes})


SYSTEMS = (
    of("M", "portal"),
    of("M", "old", stage=Stage.RETIRED),
    of("M", "no-level", level=None),
    of("M", "no-endpoint", endpoints=()),
    of("M", "bad-endpoint", endpoints=("gopher://x/",)),
    of("U", "small", level=2, kind=SystemKind.INTERNAL, endpoints=("HTTPS://Small.line.test",)),
    of("ENDED", "moved"),
    of("D", "secret"),
)
ORGANISATIONS = (
    Organisation(code="M", name="Bộ", kind=OrganisationKind.MINISTRY),
    Organisation(code="U", name="Cục", parent="M"),
    Organisation(code="ENDED", name="Cục cũ", valid_until=date(2025, 6, 30), successor="U"),
    Organisation(code="D", name="Bộ khác", kind=OrganisationKind.MINISTRY, scope=Scope.DEFENCE),
)


def seal(folder: Path, key: SigningKey) -> None:
    """A snapshot with these systems."""
    snapshots.write(
        folder,
        as_of=DAY,
        imported=datetime(2026, 12, 14, tzinfo=UTC),
        version="1",
        organisations=ORGANISATIONS,
        systems=SYSTEMS,
        sources=(),
        notes=(),
        key=key,
        previous=None,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> InventorySource:
    folder = tmp_path_factory.mktemp("inventory")
    key = SigningKey.load_or_create(folder / "key.pem")
    seal(folder / "inventory", key)
    return read(folder / "inventory", key.keyid)


def read(folder: Path, *trusted: str) -> InventorySource:
    return read_inventory(folder, trusted, (), SourceMap(), installed().schemes, DAY)


def of_campaign(**selection: Any) -> Campaign:
    chosen = CampaignSelection.model_validate({"inventory": "/i", **selection}, strict=False)
    return Campaign(id="c", kind=CampaignKind.PERIODIC, basis="b", selection=chosen)


def chosen(source: InventorySource, **selection: Any) -> tuple[set[str], set[str]]:
    found, others = select(
        of_campaign(**selection), source.candidates, below=source.below, undeclared=source.undeclared
    )
    return {each.key for each in found}, {each.key for each in others}


def test_what_cannot_be_declared_has_its_cause(source: InventorySource) -> None:
    """Nothing that is unknown is made up, and no system but a retired one is left out."""
    assert {each.key for each in source.candidates} == {"M/portal", "U/small", "ENDED/moved"}
    assert {each.key: each.cause for each in source.undeclared} == {
        "M/no-level": NotInspected.INVALID,
        "M/no-endpoint": NotInspected.NO_ENDPOINT,
        "M/bad-endpoint": NotInspected.INVALID,
        "D/secret": NotInspected.NO_REGIME,
    }
    [small] = [each for each in source.candidates if each.key == "U/small"]
    assert small.system.endpoints == ("https://small.line.test/",)


@pytest.mark.parametrize(
    ("selection", "systems", "others"),
    [
        ({"subtree": "U"}, {"U/small", "ENDED/moved"}, set()),
        ({"subtree": "ENDED"}, {"U/small", "ENDED/moved"}, set()),
        ({"levels": [2]}, {"U/small"}, {"M/no-level"}),
        ({"kinds": ["internal"]}, {"U/small"}, set()),
        ({"systems": ["M/*"]}, {"M/portal"}, {"M/no-level", "M/no-endpoint", "M/bad-endpoint"}),
        ({"systems": ["s*"], "levels": [3]}, set(), {"D/secret"}),
    ],
)
def test_every_field_that_is_given_holds(
    source: InventorySource, selection: dict[str, Any], systems: set[str], others: set[str]
) -> None:
    """An organisation that ended belongs to its successor; an unknown level may be any."""
    assert chosen(source, **selection) == (systems, others)


def test_an_inspection_is_due_after_the_last_one(source: InventorySource, tmp_path: Path) -> None:
    """So long after it as the regime says for its level; without a known one now, and the longest overdue first."""
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    seal(tmp_path / "inventory", key)
    registry = installed()
    found = read_inventory(
        tmp_path / "inventory",
        [key.keyid],
        (),
        SourceMap(),
        registry.schemes,
        DAY,
        regimes=load_all(registry.profiles),
        inspected={"M/portal": date(2026, 10, 1), "ENDED/moved": date(2025, 10, 1)},
    )
    due = {each.key: each.due for each in found.candidates}
    assert due["U/small"] == DAY
    assert due["ENDED/moved"] is not None
    assert due["M/portal"] is not None
    assert due["ENDED/moved"] < DAY < due["M/portal"]
    campaign = of_campaign(due_by=DAY)
    chosen_due, _ = select(campaign, found.candidates, below=found.below, undeclared=found.undeclared)
    assert {each.key for each in chosen_due} == {"U/small", "ENDED/moved"}
    assert source.candidates[0].due is None


def test_a_snapshot_of_somebody_else_is_refused(source: InventorySource, tmp_path: Path) -> None:
    """Only trusted signers' inventories are used."""
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    seal(tmp_path / "inventory", key)
    with pytest.raises(BundleError, match="not a trusted signer"):
        read(tmp_path / "inventory", "0" * 64)
    assert source.digest
