"""Whether the modulus of a Diffie-Hellman group is a safe prime: a prime p of which (p-1)/2 is prime, too.

With any other modulus the group has subgroups of unknown, perhaps small order, in which logarithms are easy to compute,
and a client cannot tell: TLS up to 1.2 sends no order (RFC 7919 §1 and §5.1; Galbraith, Massimo and Paterson, "Safety
in Numbers", PKC 2019). In the group of a safe prime the only small subgroups consist of 1 and p-1.
"""

from __future__ import annotations

import secrets
import time
from enum import StrEnum

#: Rounds of Miller-Rabin with random bases: a composite passes with a probability below 2^-64, whoever chose it.
_ROUNDS = 32
_SMALL_FACTORS = range(3, 2_000, 2)
#: One power modulo a longer number takes more seconds than can be waited for, and cannot be interrupted.
_MOST_BITS = 16_384


class PrimeFlaw(StrEnum):
    """Why the group of a modulus is not safe.

    ``composite``: the modulus is no prime; ``unsafe``: half of its predecessor is none, so that there are other
    subgroups; ``trivial-key``: the generator or a public key is 0, 1, -1 or no number below the modulus.
    """

    COMPOSITE = "composite"
    UNSAFE = "unsafe"
    TRIVIAL_KEY = "trivial-key"


def is_trivial(element: int, modulus: int) -> bool:
    """Whether a generator or public key is out of the range 1 < x < p-1 (RFC 7919 §5.1)."""
    return not 1 < element < modulus - 1


def modulus_flaw(modulus: int, *, ends: float) -> PrimeFlaw | None:
    """The flaw of a modulus, None where it is a safe prime.

    Raises TimeoutError where that is not decided at the instant ``ends`` of the monotonic clock, or takes too long.
    """
    if modulus < _SMALL_FACTORS.stop or _has_small_factor(modulus):
        return PrimeFlaw.COMPOSITE
    if modulus.bit_length() > _MOST_BITS:
        raise TimeoutError
    if pow(2, modulus - 1, modulus) != 1:
        return PrimeFlaw.COMPOSITE
    # Where half of the predecessor is prime, this power proves the modulus prime (Pocklington's criterion).
    half = modulus // 2
    if not _has_small_factor(half) and _is_prime(half, ends):
        return None
    return PrimeFlaw.UNSAFE if _is_prime(modulus, ends) else PrimeFlaw.COMPOSITE


def _is_prime(number: int, ends: float) -> bool:
    for _ in range(_ROUNDS):
        if time.monotonic() > ends:
            raise TimeoutError
        if not _passes(number):
            return False
    return True


def _has_small_factor(number: int) -> bool:
    return number % 2 == 0 or any(number % factor == 0 for factor in _SMALL_FACTORS)


def _passes(number: int) -> bool:
    """One round of Miller-Rabin with a random base."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    power = pow(secrets.randbelow(number - 3) + 2, (number - 1) >> twos, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
