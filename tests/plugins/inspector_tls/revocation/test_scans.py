"""The probe with running responders and lists, compared with OpenSSL's client."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from inspector import Cause, Outcome
from inspector_tls.certificates.observations import Status
from inspector_tls.checks.not_revoked import not_revoked
from inspector_tls.revocation.observations import AnswerFlaw, Exempt, Protocol, Revocation
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, response, root, rsa_key
from tests.plugins.inspector_tls.revocation.sources import (
    HOST,
    LISTS,
    RESPONDER,
    decoy,
    examined,
    files,
    granting,
    index,
    leaf,
    naming,
    responder,
    revoked_list,
    scanned,
    sending,
)

ROOT = root()
AUTHORITY = intermediate(ROOT)


def _ports(count: int) -> list[int]:
    return [servers.free_port() for _ in range(count)]


def _openssl(folder: Path, port: int, identity: Identity) -> str:
    """The status of the certificate by ``openssl ocsp``, from the same responder."""
    authority, _ = AUTHORITY.write(folder, "issuer", chain=())
    certificate, _ = identity.write(folder, "asked", chain=())
    command = ("openssl", "ocsp", "-issuer", authority, "-cert", certificate, "-CAfile", authority, "-partial_chain")
    done = subprocess.run(
        (*command, "-url", f"http://127.0.0.1:{port}/"), capture_output=True, check=False, text=True, timeout=20
    )
    assert "Response verify OK" in done.stderr
    return done.stdout.partition(": ")[2].split()[0]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("delegated", [False, True])
def test_a_responder_has_the_same_result_as_in_openssl(tmp_path: Path, status: Status, *, delegated: bool) -> None:
    """Good, revoked and unknown are distinguished as by ``openssl ocsp``, signed by the issuer and by a delegate."""
    (port,) = _ports(1)
    asked = leaf(AUTHORITY, ocsp=[f"http://{RESPONDER}:{port}/"])
    table = index(
        tmp_path,
        [asked] if status is Status.GOOD else [AUTHORITY],
        [asked] if status is Status.REVOKED else [],
    )
    purpose = "1.3.6.1.5.5.7.3.9"  # id-kp-OCSPSigning
    signer = issue("Responder", AUTHORITY, purpose=_oid(purpose)) if delegated else None
    with responder(tmp_path, port, table, AUTHORITY, signer=signer):
        scan = scanned(tmp_path, asked)
        theirs = _openssl(tmp_path, port, asked)
    found = examined(scan)
    assert (found.status.seen, theirs) == (status, status.value)
    (source,) = found.sources
    assert source.answer is not None
    assert source.answer.flaw is None
    assert source.answer.reason == ("keyCompromise" if status is Status.REVOKED else None)
    outcome = not_revoked(scan.seen(Revocation)).outcome
    expected = {Status.GOOD: Outcome.PASS, Status.REVOKED: Outcome.FAIL, Status.UNKNOWN: Outcome.INCONCLUSIVE}
    assert outcome is expected[status]


def _oid(dotted: str) -> object:
    from cryptography.x509 import ObjectIdentifier

    return ObjectIdentifier(dotted)


@pytest.mark.parametrize("revoked", [False, True])
def test_a_list_has_the_same_result_as_in_openssl(tmp_path: Path, *, revoked: bool) -> None:
    """A certificate is revoked when its issuer's list contains it, and ``openssl verify -crl_check`` agrees."""
    (port,) = _ports(1)
    asked = leaf(AUTHORITY, crls=[f"http://{LISTS}:{port}/list.crl"])
    data = revoked_list(AUTHORITY, [asked] if revoked else [])
    with files(tmp_path, port, {"list.crl": data}):
        scan = scanned(tmp_path, asked)
    assert examined(scan).status.seen is (Status.REVOKED if revoked else Status.GOOD)
    list_ = tmp_path / "list.der"
    list_.write_bytes(data)
    authority, _ = AUTHORITY.write(tmp_path, "issuer", chain=())
    certificate, _ = asked.write(tmp_path, "asked", chain=())
    command = ("openssl", "verify", "-partial_chain", "-crl_check", "-CRLfile", list_, "-trusted", authority)
    done = subprocess.run((*command, certificate), capture_output=True, check=False)
    assert (done.returncode != 0, b"certificate revoked" in done.stderr) == (revoked, revoked)


def test_a_revoked_intermediate_fails_the_server(tmp_path: Path) -> None:
    """The intermediates that a server sends are checked too, by the root's list."""
    (port,) = _ports(1)
    between = intermediate(ROOT, extensions=naming(crls=[f"http://{LISTS}:{port}/root.crl"]))
    asked = leaf(between, crls=[f"http://{LISTS}:{port}/list.crl"])
    contents = {"list.crl": revoked_list(between), "root.crl": revoked_list(ROOT, [between])}
    with files(tmp_path, port, contents):
        scan = scanned(tmp_path, asked, roots=ROOT.pem)
    seen = scan.seen(Revocation)
    assert [each.status.seen for each in seen.certificates] == [Status.GOOD, Status.REVOKED]
    assert not_revoked(seen).outcome is Outcome.FAIL


def test_every_certificate_of_the_host_is_asked_about(tmp_path: Path) -> None:
    """Where a server has an RSA and an ECDSA certificate, both are checked, and one list is fetched once."""
    (port,) = _ports(1)
    url = f"http://{LISTS}:{port}/list.crl"
    pair = [leaf(AUTHORITY, crls=[url]), leaf(AUTHORITY, crls=[url], key=rsa_key())]
    second, key = pair[1].write(tmp_path, "second")
    with files(tmp_path, port, {"list.crl": revoked_list(AUTHORITY, [pair[1]])}):
        scan = scanned(tmp_path, pair[0], "-dcert", second, "-dkey", key)
    seen = {each.serial: each.status.seen for each in scan.seen(Revocation).certificates if each.exempt is None}
    assert seen == {
        f"{pair[0].certificate.serial_number:x}": Status.GOOD,
        f"{pair[1].certificate.serial_number:x}": Status.REVOKED,
    }
    assert len([entry for entry in scan.ledger if entry.port == port and entry.questions]) == 1


# --- sources not permitted ---


def test_only_the_responder_that_the_authorisation_names_gets_a_packet(tmp_path: Path) -> None:
    """A responder that the authorisation names is asked; another gets no connection, and the evidence records that."""
    (port,) = _ports(1)
    with decoy(address="127.0.0.3") as other:
        lists = f"http://127.0.0.3:{other.port}/list.crl"
        asked = leaf(AUTHORITY, ocsp=[f"http://{RESPONDER}:{port}/"], crls=[lists])
        with responder(tmp_path, port, index(tmp_path, [asked]), AUTHORITY):
            scan = scanned(tmp_path, asked, authorisation=granting(HOST, RESPONDER, blocks=("127.0.0.1", "::1")))
        assert other.accepted == []
    found = examined(scan)
    assert found.status.seen is Status.GOOD
    barred = found.sources[1]
    assert (barred.protocol, barred.cause) == (Protocol.CRL, Cause.OUT_OF_SCOPE)
    assert [(gap.cause, lists in gap.question) for gap in scan.output.gaps] == [(Cause.OUT_OF_SCOPE, True)]


def test_without_a_permitted_source_nothing_is_sent_and_nothing_concluded(tmp_path: Path) -> None:
    """Without a permitted responder the server gets no further connection either; the verdict names the host to add."""
    with decoy() as other:
        url = f"http://{RESPONDER}:{other.port}/"
        scan = scanned(tmp_path, leaf(AUTHORITY, ocsp=[url]), authorisation=granting(HOST))
        assert other.accepted == []
    assert scan.ledger == ()
    verdict = not_revoked(scan.seen(Revocation))
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.OUT_OF_SCOPE)
    assert verdict.message.values["sources"] == (url,)


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """A source that points elsewhere has not answered."""
    (port,) = _ports(1)
    with files(tmp_path, port, {"list.crl": revoked_list(AUTHORITY)}):
        scan = scanned(tmp_path, leaf(AUTHORITY, crls=[f"http://{LISTS}:{port}/moved"]))
    (source,) = examined(scan).sources
    assert (source.cause, source.detail) == (Cause.PROTOCOL_ERROR, "answered with HTTP status 302")


# --- sources that fail ---


def _http(body: bytes, *, promised: int | None = None) -> servers.Answer:
    size = len(body) if promised is None else promised
    return sending(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size + body)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (servers.silent, Cause.TIMEOUT),
        (servers.resetting, Cause.RESET),
        (sending(b"HTTP/1.1 503 Try later\r\nContent-Length: 0\r\n\r\n"), Cause.PROTOCOL_ERROR),
        (_http(revoked_list(AUTHORITY)[:-20], promised=len(revoked_list(AUTHORITY))), Cause.PROTOCOL_ERROR),
        (_http(bytes(2_100_000)), Cause.ABORTED),
    ],
    ids=["silent", "reset", "unavailable", "cut-short", "endless"],
)
def test_a_failing_source_is_inconclusive(tmp_path: Path, answer: servers.Answer, cause: Cause) -> None:
    """A source that times out, closes early, or sends too much is unseen with its cause: neither pass nor fail."""
    with decoy(answer) as source:
        listed = leaf(AUTHORITY, crls=[f"http://{LISTS}:{source.port}/list.crl"])
        scan = scanned(tmp_path, listed, seconds=3 if cause is Cause.TIMEOUT else 10)
    assert examined(scan).status.unseen is cause
    verdict = not_revoked(scan.seen(Revocation))
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, cause)


def _doubtful() -> Sequence[tuple[str, AnswerFlaw, dict[str, object]]]:
    signing = _oid("1.3.6.1.5.5.7.3.9")
    return (
        ("expired", AnswerFlaw.EXPIRED, {"days": (-9, -2)}),
        ("unauthorised", AnswerFlaw.WRONG_RESPONDER, {"signer": issue("Unauthorised", AUTHORITY)}),
        ("delegate of another", AnswerFlaw.WRONG_RESPONDER, {"signer": issue("R", root("Other"), purpose=signing)}),
        ("about another", AnswerFlaw.OTHER_CERTIFICATE, {"about": issue("other", AUTHORITY)}),
    )


@pytest.mark.parametrize(("flaw", "options"), [each[1:] for each in _doubtful()], ids=[e[0] for e in _doubtful()])
def test_a_flawed_answer_is_inconclusive(tmp_path: Path, flaw: AnswerFlaw, options: dict[str, object]) -> None:
    """A response that is stale, wrongly signed, or about another certificate proves nothing."""
    reply: list[bytes] = []

    def answer(connection: object) -> None:
        _http(reply[0])(connection)  # type: ignore[arg-type]  # a socket, by servers.Answer

    with decoy(answer) as source:
        asked = leaf(AUTHORITY, ocsp=[f"http://{RESPONDER}:{source.port}/"])
        reply.append(response(asked, AUTHORITY, **options))  # type: ignore[arg-type]
        scan = scanned(tmp_path, asked)
    found = examined(scan)
    assert [each for _, each in found.flawed] == [flaw]
    assert not_revoked(scan.seen(Revocation)).outcome is Outcome.INCONCLUSIVE


def test_without_the_issuer_no_answer_is_verified(tmp_path: Path) -> None:
    """Where the server does not send the issuer, and it is no root, no answer can be verified."""
    (port,) = _ports(1)
    whole = leaf(AUTHORITY, ocsp=[f"http://{RESPONDER}:{port}/"], crls=[f"http://{LISTS}:{port}/list.crl"])
    with files(tmp_path, port, {"list.crl": revoked_list(AUTHORITY, [whole])}):
        scan = scanned(tmp_path, Identity(whole.certificate, whole.key))
    assert [each.cause for each in examined(scan).sources] == [Cause.AMBIGUOUS, Cause.AMBIGUOUS]
    assert not_revoked(scan.seen(Revocation)).outcome is Outcome.INCONCLUSIVE


def test_certificates_without_sources_are_not_applicable(tmp_path: Path) -> None:
    """A certificate without a source, and one that signed itself, cost no connection and are not applicable."""
    for identity, reason in ((leaf(ROOT), Exempt.UNNAMED), (issue(HOST, dns=[HOST]), Exempt.SELF_SIGNED)):
        scan = scanned(tmp_path, identity)
        assert (examined(scan).exempt, scan.ledger) == (reason, ())
        assert not_revoked(scan.seen(Revocation)).outcome is Outcome.NOT_APPLICABLE
