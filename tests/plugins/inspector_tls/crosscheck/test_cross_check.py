"""What sslyze sees of running servers, beside what the enumerator sees, and what the check makes of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import Cause, Outcome, Verdict
from inspector_tls.checks.cross_check_agrees import cross_check_agrees
from inspector_tls.cross_check.observations import TlsCrossCheck
from inspector_tls.cross_check.probe import tls_cross_check
from inspector_tls.cross_check.results import MOST_CONNECTIONS, Asked, Report, Word, facts_of
from inspector_tls.observations import Tls, TlsVersion
from inspector_tls.vulnerabilities.results import ConnectionEnd
from tests.agreement.environment import Stage
from tests.agreement.servers import ZOO
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, root, rsa_key
from tests.plugins.inspector_tls.crosscheck.faces import POOR, RICH, two_faced
from tests.plugins.inspector_tls.scanning import scanned

HOST = "www.example.vn"
ROOT = root()
RSA = issue(HOST, ROOT, dns=[HOST], key=rsa_key())
ECDSA = issue(HOST, ROOT, dns=[HOST])


def both(port: int, **options: object) -> tuple[Tls, TlsCrossCheck]:
    """What the enumerator and sslyze see of one server."""
    here = scanned(port, **options).seen(Tls)  # type: ignore[arg-type]
    there = scanned(port, probe=tls_cross_check, **options)  # type: ignore[arg-type]
    assert sum(entry.questions for entry in there.ledger) <= MOST_CONNECTIONS
    return here, there.seen(TlsCrossCheck)


def judged(seen: tuple[Tls, TlsCrossCheck]) -> Verdict:
    """What the check says."""
    check = cross_check_agrees
    return check(*seen)


@pytest.mark.parametrize(
    ("identity", "arguments"),
    [(RSA, ()), (RSA, ("-cipher", "ALL:@SECLEVEL=0")), (ECDSA, ()), (ECDSA, ("-tls1_3",))],
    ids=["RSA", "RSA, everything", "ECDSA", "only TLS 1.3"],
)
def test_openssl_is_seen_alike(tmp_path: Path, identity: object, arguments: tuple[str, ...]) -> None:
    """Of OpenSSL's server both see the same versions, suites and groups, whatever its key."""
    with servers.openssl(identity.write(tmp_path, "server"), *arguments) as port:  # type: ignore[attr-defined]
        here, there = both(port)
    verdict = judged((here, there))
    assert verdict.outcome is Outcome.PASS
    assert isinstance(verdict.measured, int)
    assert verdict.measured > 100
    for each in there.versions:
        assert set(each.suites.accepted) == set(here[each.version].suites.accepted)


def test_nginx_is_seen_alike_under_its_name_and_by_its_address(tmp_path: Path) -> None:
    """The server's name is sent where there is one, and an address never: then both see what has no name to ask for."""
    files = RSA.write(tmp_path, "server")
    directives = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
    with servers.nginx(tmp_path, directives) as port:
        for host, name in ((HOST, HOST), ("127.0.0.1", None)):
            seen = both(port, host=host)
            assert judged(seen).outcome is Outcome.PASS
            assert (seen[0].server_name, seen[1].server_name) == (name, name)


@pytest.mark.parametrize("name", ["openssl-3-5-hybrid", "tlslite-ssl-3", "openssl-rare-ciphers"])
def test_what_sslyze_cannot_ask_is_no_disagreement(tmp_path: Path, name: str) -> None:
    """Post-quantum groups, a server that is strict about names, and suites that sslyze's OpenSSL lacks are left out."""
    server = next(each for each in ZOO if each.name == name)
    place = Stage(tmp_path).place(name)
    with server.start(place) as port:
        seen = both(port, address=place.address)
    assert judged(seen).outcome is Outcome.PASS, judged(seen)


# --- disagreements that are there ---


@pytest.mark.parametrize("reverse", [False, True])
def test_a_server_with_two_faces_is_reported(tmp_path: Path, *, reverse: bool) -> None:
    """A suite shown to one of both only is named, and on which side it was seen."""
    files = RSA.write(tmp_path, "server")
    with servers.answering(two_faced(files, {reverse: POOR, not reverse: RICH})) as port:
        here, there = both(port)
    verdict = judged((here, there))
    assert verdict.outcome is Outcome.FAIL
    only = "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert verdict.measured is not None
    assert only in verdict.measured  # type: ignore[operator]  # a tuple of words
    assert ("accepted of sslyze" in verdict.message.id) is (not reverse)


def test_silence_is_no_disagreement(tmp_path: Path) -> None:
    """Where sslyze meets silence it counts a refusal; here the version stays open, and the verdict inconclusive."""
    behind = servers.speaking_tls(RSA.write(tmp_path, "server"))
    with servers.answering(servers.choosy(behind, 0x0303, servers.silent)) as port:
        there = scanned(port, probe=tls_cross_check, seconds=1)
    seen = there.seen(TlsCrossCheck)
    twelve = next(each for each in seen.versions if each.version is TlsVersion.TLS_1_2)
    assert twelve.suites.complete.unseen is Cause.TIMEOUT
    assert (twelve.suites.accepted, twelve.suites.refused) == ((), ())
    assert Cause.TIMEOUT in {gap.cause for gap in there.output.gaps}
    with servers.answering(behind) as port:
        here = scanned(port).seen(Tls)
    verdict = cross_check_agrees.evaluate(_wired(here, seen), {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)


def _wired(*seen: object) -> list[object]:
    from inspector import Subject, SubjectKind, SubjectResult

    subject = Subject(kind=SubjectKind.ADDRESS, uri="https://www.example.vn", host=HOST, port=443, address="192.0.2.1")
    return [SubjectResult(subject, each) for each in seen]  # type: ignore[type-var]


def test_a_server_that_is_silent_altogether_is_left_alone(tmp_path: Path) -> None:
    """After three silent versions nothing more is asked, and the scan ends with the cause."""
    with servers.answering(servers.silent) as port:
        scan = scanned(port, probe=tls_cross_check, seconds=1)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.TIMEOUT
    assert sum(entry.questions for entry in scan.ledger) <= 3 * 3


# --- reading ---


@pytest.mark.parametrize(
    ("word", "end", "cause"),
    [
        (Word.ACCEPTED, ConnectionEnd.OPEN, None),
        (Word.REFUSED, ConnectionEnd.OPEN, None),
        (Word.REFUSED, ConnectionEnd.CLOSED, None),
        (Word.REFUSED, ConnectionEnd.TIMEOUT, Cause.TIMEOUT),
        (Word.REFUSED, ConnectionEnd.RESET, Cause.RESET),
        (Word.UNCLEAR, ConnectionEnd.OPEN, Cause.PROTOCOL_ERROR),
    ],
)
def test_a_word_counts_only_with_an_answer(word: Word, end: ConnectionEnd, cause: Cause | None) -> None:
    """sslyze's *rejected* over a timeout or a reset is unseen, and so is what it cannot make sense of."""
    asked = Asked(version=TlsVersion.TLS_1_2, name="TLS_RSA_WITH_NULL_MD5", word=word, end=end)
    seen = facts_of(Report(asked=(asked,)), None)
    heard = next(each.suites for each in seen.versions if each.version is TlsVersion.TLS_1_2)
    assert heard.complete.unseen is cause
    assert bool(heard.accepted or heard.refused) is (cause is None)
