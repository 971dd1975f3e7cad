"""The primes of running servers, and numbers chosen to deceive a test of primes."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path

import pytest

from inspector import Answer, Cause
from inspector_tls.enumeration import prime_tests
from inspector_tls.enumeration.prime_tests import PrimeTests, run_tests
from inspector_tls.observations import PrimeFlaw, Tls
from inspector_tls.wire.finite_field_groups import prime
from inspector_tls.wire.safe_primes import is_trivial, modulus_flaw
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.dh_parameters import write_parameters
from tests.plugins.inspector_tls.scanning import scanned

OWN = Path(__file__).parents[3] / "agreement" / "dh" / "own-2048.pem"
HOST = "www.example.vn"
NEVER = math.inf


def _server_with(parameters: Path, folder: Path) -> Tls:
    """What is seen of an OpenSSL server with these parameters."""
    files = issue(HOST, key=rsa_key(), dns=[HOST]).write(folder, "server")
    arguments = ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:ADH-AES128-SHA:@SECLEVEL=0", "-dhparam", parameters)
    with servers.openssl(files, *arguments) as port:
        return scanned(port, scheme="tls").seen(Tls)


def test_own_safe_prime(tmp_path: Path) -> None:
    """A safe prime that no standard names is found to be one."""
    (found,) = _server_with(OWN, tmp_path).primes
    assert found.flaw == Answer(seen=None)


@pytest.mark.parametrize("flaw", [PrimeFlaw.COMPOSITE, PrimeFlaw.UNSAFE])
def test_modulus_that_is_no_safe_prime(flaw: PrimeFlaw, tmp_path: Path) -> None:
    """A composite modulus of 2048 bits, and a prime of that length as DSA has it, are told from a safe prime."""
    modulus = (
        rsa_key(4096).private_numbers().p if flaw is PrimeFlaw.UNSAFE else rsa_key().public_key().public_numbers().n
    )
    (found,) = _server_with(write_parameters(tmp_path / "dh.pem", modulus), tmp_path).primes
    assert (found.bits, found.flaw.seen) == (2048, flaw)
    assert found.suites == ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DH_anon_WITH_AES_128_CBC_SHA")


@pytest.mark.parametrize("group", [256, 257, 258])
def test_standard_primes_pass(group: int) -> None:
    """The primes of RFC 7919 are safe primes by the tests, too."""
    assert modulus_flaw(prime(group), ends=NEVER) is None


def test_composites_that_deceive_a_base() -> None:
    """Carmichael numbers, strong pseudoprimes and products whose factors resemble one another are no primes."""
    twin = 2**89 - 1
    for composite in (3215031751 * (2**127 - 1), 3317044064679887385961981, twin * (2 * twin - 1), (2**521 - 1) ** 2):
        assert modulus_flaw(composite, ends=NEVER) is PrimeFlaw.COMPOSITE
        assert modulus_flaw(2 * composite + 1, ends=NEVER) is not None


def test_mersenne_prime_is_unsafe() -> None:
    """A prime of which half the predecessor is composite is unsafe."""
    assert modulus_flaw(2**2203 - 1, ends=NEVER) is PrimeFlaw.UNSAFE


@pytest.mark.parametrize(
    ("element", "trivial"), [(0, True), (1, True), (2, False), (22, True), (23, True), (21, False)]
)
def test_trivial_elements(element: int, trivial: bool) -> None:
    """Only elements between 1 and p-1 agree on a secret (RFC 7919 §5.1)."""
    assert is_trivial(element, 23) is trivial


def test_what_takes_too_long_is_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moduli that cannot be tested in time are unseen, however long they are; those before them are not."""
    short, long = prime(256), (1 << 400_000) + 1
    while any(long % factor == 0 for factor in range(3, 2_000, 2)):
        long += 2
    moduli = [each.to_bytes((each.bit_length() + 7) // 8, "big") for each in (short, long)]
    digests = [hashlib.sha256(each).hexdigest() for each in moduli]
    tested = PrimeTests.parse(run_tests(json.dumps([each.hex() for each in moduli]).encode()))
    assert [tested.flaws[each] for each in digests] == [Answer(seen=None), Answer(unseen=Cause.TIMEOUT)]
    monkeypatch.setattr(prime_tests, "TEST_SECONDS", -1)
    tested = PrimeTests.parse(run_tests(json.dumps([moduli[0].hex()]).encode()))
    assert tested.flaws == {digests[0]: Answer(unseen=Cause.TIMEOUT)}
    with pytest.raises(TimeoutError):
        modulus_flaw(short, ends=time.monotonic() - 1)
