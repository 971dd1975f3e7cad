"""Several systems at one address in one run, counted at the server: they share what the address may be asked."""

from tests.core.network.addresses import most_in_a_second, needs_raw
from tests.core.network.addresses import serving as counting
from tests.core.network.pacing.test_rates import opened
from tests.line.harness import Line, serving, system

RATES = {"connections_per_second": 30, "burst": 30, "at_once": 5}


@needs_raw
def test_systems_at_one_address_share_its_rate(line: Line, certificate: dict[str, str]) -> None:
    """No second sees more than the burst, and no longer time more than burst and rate, whichever system asks."""
    with serving({"name": "page", "mode": "page", **certificate}) as servers, counting("sniff", "127.0.0.1") as sniffer:
        port = servers.ports["page"]
        endpoint = f"https://127.0.0.1:{port}/"
        systems = [system(endpoint, id=f"system-{number}") for number in range(3)]
        result = line.call("run", line.declare(*systems, rates=RATES), "--only", "tls")
        packets = sniffer.report()["packets"]
    assert len(result.bundles) == 3
    instants = opened(packets, port)
    assert len(instants) > RATES["burst"]
    assert most_in_a_second(instants) <= RATES["burst"]
    for index, start in enumerate(instants):
        for number, end in enumerate(instants[index:], start=1):
            assert number <= RATES["burst"] + RATES["connections_per_second"] * (end - start) + RATES["at_once"]


def test_without_a_place_for_the_state_nothing_is_sent(line: Line) -> None:
    """A folder that others may use ends the command with its path and a remedy, before the first connection."""
    shared = line.folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with serving({"name": "page", "mode": "page"}) as servers:
        declaration = line.declare(system(f"http://127.0.0.1:{servers.ports['page']}/"), name="nowhere.yaml")
        result = line.call("run", declaration, "--only", "http", "--lang", "en", rate_state=str(shared))
        assert not any(servers.received().values())
    assert result.code == 2
    assert f"{shared}: the state of the rate limits is accessible to other users; take the permissions" in result.err
