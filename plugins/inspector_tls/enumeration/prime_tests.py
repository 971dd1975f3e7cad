"""The primes of a server that no standard names, tested in a worker process: a test of one may take seconds.

The results are stored with the transcript, since the tests are random and limited in time; they can be repeated with
the primes in the transcript.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection

from inspector import Answer, Cause, Model, Network, ScanFailure
from inspector_tls.observations import EphemeralPrime, PrimeFlaw, Tls
from inspector_tls.wire.safe_primes import modulus_flaw

#: Seconds for the tests of all primes of a server, and seconds after which the worker is ended.
TEST_SECONDS, WORKER_SECONDS = 30, 45


class PrimeTests(Model):
    """The result for each modulus, by its SHA-256: its flaw, None for a safe prime, or why it was not tested."""

    flaws: dict[str, Answer[PrimeFlaw | None]] = {}

    def apply(self, facts: Tls) -> Tls:
        """The facts with these results in place of what was not tested."""
        return facts.model_copy(update={"primes": tuple(map(self._apply, facts.primes))})

    def _apply(self, prime: EphemeralPrime) -> EphemeralPrime:
        found = self.flaws.get(prime.sha256)
        return prime if found is None or prime.flaw.is_seen else prime.model_copy(update={"flaw": found})


async def run_in_worker(network: Network, moduli: Collection[bytes]) -> PrimeTests:
    """Test these moduli (big endian); never raises ScanFailure."""
    payload = json.dumps(sorted({each.hex() for each in moduli}, key=lambda each: (len(each), each))).encode()
    try:
        return PrimeTests.parse(await network.run_in_worker(run_tests, payload, timeout=WORKER_SECONDS))
    except ScanFailure as failure:
        unseen: Answer[PrimeFlaw | None] = Answer(unseen=failure.cause)
        return PrimeTests(flaws={hashlib.sha256(each).hexdigest(): unseen for each in moduli})


def run_tests(payload: bytes) -> bytes:
    """Carry out the tests, in the order given: moduli and results as JSON."""
    ends = time.monotonic() + TEST_SECONDS
    moduli = [bytes.fromhex(each) for each in json.loads(payload)]
    return PrimeTests(flaws={hashlib.sha256(each).hexdigest(): _flaw(each, ends) for each in moduli}).canonical()


def _flaw(modulus: bytes, ends: float) -> Answer[PrimeFlaw | None]:
    try:
        return Answer(seen=modulus_flaw(int.from_bytes(modulus, "big"), ends=ends))
    except TimeoutError:
        return Answer(unseen=Cause.TIMEOUT)
