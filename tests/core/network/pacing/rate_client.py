"""A process that connects: ``python -m tests.core.network.pacing.rate_client PORT NUMBER FOLDER RATES [hold]``.

It opens NUMBER connections to ADDRESS at RATES (JSON) through a gateway with its ledger in FOLDER, prints a line for
each, and closes it at once; or holds all of them until it is killed.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from inspector.declare.authorisation import Rates
from inspector.declare.settings import load as settings_of
from tests.core.network.addresses import HOST, LocalGateway, authorise, make_probe, target


async def visit(port: int, number: int, folder: Path, rates: Rates, *, holds: bool = False) -> None:
    """Open so many connections, as many side by side as the rates allow."""
    settings = settings_of(None, os.environ, {})
    on = LocalGateway(folder, f"tcp://{HOST}:{port}", granted=authorise(rates=rates), settings=settings)

    async def one() -> None:
        stream = await network.connect()
        sys.stdout.write("opened\n")
        sys.stdout.flush()
        if holds:
            await asyncio.sleep(3600)
        await stream.close()

    async with on.gateway:
        network = on.gateway.network(make_probe(), target(port), on.granted)
        await asyncio.gather(*(one() for _ in range(number)))


if __name__ == "__main__":
    if "LEASE" in os.environ:
        from inspector.network.pacing import database_limiter

        database_limiter.LEASE_SECONDS = float(os.environ["LEASE"])
        database_limiter._HEARD_SECONDS = database_limiter.LEASE_SECONDS / 5
    _, port, number, folder, rates, *hold = sys.argv
    asyncio.run(visit(int(port), int(number), Path(folder), Rates(**json.loads(rates)), holds=bool(hold)))
