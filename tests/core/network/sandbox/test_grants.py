"""Connections of workers that the gateway can no longer grant."""

import asyncio
from pathlib import Path

import pytest

from inspector.model.errors import RateLimitError
from inspector.network.pacing.state_files import default_folder
from tests.core.network import worker_jobs as jobs
from tests.core.network.addresses import ADDRESS, HOST, LocalGateway, make_probe, serving, target


def test_a_worker_ends_with_the_error_of_what_grants_its_connections(tmp_path: Path) -> None:
    """Where the rates cannot be kept the job ends with that error, which ends the inspection, and nothing is sent."""
    default_folder().mkdir(parents=True, mode=0o700)
    (default_folder() / ADDRESS).touch(0o666)
    (default_folder() / ADDRESS).chmod(0o666)

    async def go(port: int) -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}")
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            with pytest.raises(RateLimitError, match="accessible to other users"):
                await network.run_in_worker(jobs.many, f"{ADDRESS} {port} 1".encode(), timeout=20)

    with serving("quiet") as server:
        asyncio.run(go(server.port))
        assert not server.report()["accepted"]
