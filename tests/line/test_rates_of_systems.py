"""Several systems at one address in one run, counted at the server: they share what the address may be asked."""

import pytest

from tests.core.network.addresses import most_in_a_second, needs_raw
from tests.core.network.addresses import serving as counting
from tests.core.network.pacing.test_rates import opened
from tests.line.harness import Line, serving, system

#: The rates, the systems, and what they are inspected with.
RUNS = {
    "slow": ({"connections_per_second": 1, "burst": 10, "at_once": 5}, 6, "http"),
    "fast": ({"connections_per_second": 30, "burst": 30, "at_once": 5}, 3, "tls"),
}


@needs_raw
@pytest.mark.parametrize("run", RUNS)
def test_systems_at_one_address_share_its_rate(line: Line, certificate: dict[str, str], run: str) -> None:
    """No second sees more than the burst, and no longer time more than burst and rate, whichever system asks."""
    rates, count, only = RUNS[run]
    secure = certificate if only == "tls" else {}
    with serving({"name": "page", "mode": "page", **secure}) as servers, counting("sniff", "127.0.0.1") as sniffer:
        port = servers.ports["page"]
        endpoint = f"{'https' if secure else 'http'}://127.0.0.1:{port}/"
        systems = [system(endpoint, id=f"system-{number}") for number in range(count)]
        result = line.call("run", line.declare(*systems, name=f"{run}.yaml", rates=rates), "--only", only)
        packets = sniffer.report()["packets"]
    assert len(result.bundles) == count
    instants = opened(packets, port)
    assert len(instants) > rates["burst"]
    assert most_in_a_second(instants) <= rates["burst"]
    for index, start in enumerate(instants):
        for number, end in enumerate(instants[index:], start=1):
            assert number <= rates["burst"] + rates["connections_per_second"] * (end - start) + rates["at_once"]
