"""What cases cannot express: ports added to a recorded host, and the table of ports."""

from pathlib import Path

import pytest

from inspector import Answer, Cause, Outcome, SubjectResult
from inspector.model.subject import SYSTEM
from inspector.testing import checks_of, recorded
from inspector_services.observations import (
    Banner,
    Banners,
    OpenPorts,
    PortBanner,
    PortGroup,
    PortState,
    ServiceProtocol,
)
from inspector_services.port_roles import NOTABLE, TABLE

HERE = Path(__file__).parent
CHECKS = checks_of("inspector_services")


@pytest.mark.parametrize(
    "banner", [Banner(text="", protocol=ServiceProtocol.SILENT), Banner(text="?", protocol=ServiceProtocol.UNKNOWN)]
)
@pytest.mark.parametrize("check", ["no-cleartext-administration", "no-database-reachable", "no-file-sharing-reachable"])
def test_an_open_port_that_nothing_names_is_no_reason_to_pass(check: str, banner: Banner) -> None:
    """A database on an unusual port may wait for its client to speak first: a silent port does not pass; hand-made."""
    ports, banners = recorded(HERE, OpenPorts, "orderly"), recorded(HERE, Banners, "orderly")
    port = PortGroup(listed=str(15432), state=Answer[PortState](seen=PortState.OPEN))
    open_port = PortBanner(port=15432, banner=Answer[Banner](seen=banner))
    seen = OpenPorts(groups=(*ports.groups, port)), Banners(ports=(*banners.ports, open_port))
    verdict = CHECKS[check].evaluate([SubjectResult(SYSTEM, each) for each in seen], {})
    assert (verdict.outcome, verdict.cause, verdict.measured) == (
        Outcome.INCONCLUSIVE,
        Cause.AMBIGUOUS,
        ("15432/tcp",),
    )


def test_the_table_of_ports_has_source_and_date() -> None:
    """Facts about ports come with their provenance."""
    assert "IANA" in TABLE.source
    assert len(NOTABLE) > 100
