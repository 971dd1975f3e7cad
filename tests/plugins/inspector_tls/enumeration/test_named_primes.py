"""Running servers and the groups of RFC 7919: suites with a prime are found whatever the source of the prime."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.enumeration.scanning import HOST, enumerate_port

PRIMES = Path(__file__).parents[3] / "agreement" / "dh"
PRIORITY = "NONE:+VERS-TLS1.2:+COMP-NULL:+SIGN-ALL:+AES-128-GCM:+AEAD:+DHE-RSA:+ECDHE-RSA:+GROUP-SECP256R1"
DHE = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
FFDHE3072, FFDHE2048 = "+GROUP-FFDHE3072", "+GROUP-FFDHE2048"


@pytest.mark.parametrize(
    ("more", "primes"),
    [
        ((FFDHE3072,), [3072]),
        ((FFDHE2048, FFDHE3072), [2048]),
        (("--dhparams",), [2048]),
    ],
    ids=["named", "two named", "own"],
)
def test_gnutls_shows_the_prime_that_it_uses(more: tuple[str, ...], primes: list[int], tmp_path: Path) -> None:
    """GnuTLS without parameters accepts DHE only if a group is named; with its own parameters, only if none is."""
    certificate, key = issue(HOST, key=rsa_key(), dns=[HOST]).write(tmp_path, "rsa")
    port = servers.free_port()
    own = [f"--dhparams={PRIMES / 'own-2048.pem'}"] if "--dhparams" in more else []
    priority = ":".join((PRIORITY, *(each for each in more if each.startswith("+"))))
    command = ["gnutls-serv", "--quiet", "--http", f"--port={port}", f"--priority={priority}", *own]
    with servers.running([*command, f"--x509certfile={certificate}", f"--x509keyfile={key}"], port):
        facts, _ = enumerate_port(port)
    support = facts[TlsVersion.TLS_1_2]
    assert set(support.suites.accepted) == {DHE, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
    assert support.suites.complete.seen
    assert [each.bits for each in facts.primes] == primes
    assert [each.known is None for each in facts.primes] == [bool(own)]
    assert facts.primes[0].suites == (DHE,)
