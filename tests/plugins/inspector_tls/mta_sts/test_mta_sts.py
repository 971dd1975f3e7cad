"""MTA-STS records and policies as senders read them, and mail servers compared with OpenSSL's client."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Answer
from inspector.testing import recorded, run_probe
from inspector_tls.criteria.dane import DaneFault, dane_fault, is_usable, matched
from inspector_tls.criteria.mta_sts import certificate_fault
from inspector_tls.mta_sts.greeting import Piece, StoredGreeting
from inspector_tls.mta_sts.observations import (
    MailServer,
    MtaStsPolicy,
    PolicyFault,
    RecordFault,
    ReportingFault,
    StsMode,
    StsPolicy,
    TlsaRecord,
)
from inspector_tls.mta_sts.policy import MAX_POLICY_BYTES, parse_policy, policy_reply, record_fault
from inspector_tls.mta_sts.probes import mail_server
from inspector_tls.mta_sts.reporting import reporting_fault
from tests.agreement.environment import ServerPlaces
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root, rsa_key
from tests.plugins.inspector_tls.record import FOLDER
from tests.plugins.inspector_tls.starttls.servers import serving, staged

HOST = "mx.example.vn"
LINES = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.vn\r\nmax_age: 604800\r\n"
ENFORCED = StsPolicy(mode=StsMode.ENFORCE, mx=(HOST,), max_age=604800)


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([b"v=STSv1; id=20260101"], None),
        ([b"v=STSv1 ; id = 20260101 ; x=y ;"], None),
        ([b"v=STSv1;id=1;", b"v=spf1 -all"], None),
        ([], RecordFault.MISSING),
        ([b"v=STSv2; id=1"], RecordFault.MISSING),
        ([b" v=STSv1; id=1"], RecordFault.MISSING),
        ([b"v=STSv1"], RecordFault.MISSING),
        ([b"v=STSv1; id=1", b"v=STSv1; id=1"], RecordFault.SEVERAL),
        ([b"v=STSv1;"], RecordFault.SYNTAX),
        ([b"v=STSv1; id=2026-01-01"], RecordFault.SYNTAX),
        ([b"v=STSv1; id=" + b"1" * 33], RecordFault.SYNTAX),
        ([b"v=STSv1; id=1; x"], RecordFault.SYNTAX),
    ],
)
def test_records(records: list[bytes], fault: RecordFault | None) -> None:
    """Exactly one record of the version counts, and it must have an id (RFC 8461 §3.1)."""
    assert record_fault(records) is fault


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (LINES, StsPolicy(mode=StsMode.ENFORCE, mx=("mx.example.vn",), max_age=604800)),
        (
            LINES.replace(b"\r\n", b"\n").rstrip(),
            StsPolicy(mode=StsMode.ENFORCE, mx=("mx.example.vn",), max_age=604800),
        ),
        (
            LINES + b"mx: *.Mail.example.vn\nmode: none\nx-new: anything\n",
            StsPolicy(mode=StsMode.ENFORCE, mx=("mx.example.vn", "*.mail.example.vn"), max_age=604800),
        ),
        (b"version: STSv1\nmode: none\nmax_age: 0", StsPolicy(mode=StsMode.NONE, max_age=0)),
        (LINES.replace(b"STSv1", b"STSv2"), PolicyFault.VERSION),
        (LINES.replace(b"version: STSv1\r\n", b""), PolicyFault.INCOMPLETE),
        (LINES.replace(b"mx: mx.example.vn\r\n", b""), PolicyFault.INCOMPLETE),
        (LINES.replace(b"enforce", b"report"), PolicyFault.SYNTAX),
        (LINES.replace(b"604800", b"a week"), PolicyFault.SYNTAX),
        (LINES.replace(b"604800", b"31557601"), PolicyFault.SYNTAX),
        (LINES.replace(b"mx: mx.", b"mx: mx.*."), PolicyFault.SYNTAX),
        (LINES + b"<html>\n", PolicyFault.SYNTAX),
        (LINES + b"\xff: x\n", PolicyFault.SYNTAX),
        (b"", PolicyFault.INCOMPLETE),
    ],
)
def test_policies(body: bytes, found: StsPolicy | PolicyFault) -> None:
    """Of a field that occurs twice the first counts, unknown fields are ignored, others are required (§3.2)."""
    assert parse_policy(body) == found


@pytest.mark.parametrize(
    ("status", "content_type", "body", "fault"),
    [
        (200, "Text/Plain; charset=utf-8", LINES, None),
        (200, "text/plain", LINES + b"\n" * (MAX_POLICY_BYTES - len(LINES)), None),
        (200, "text/plain", LINES + b"\n" * (MAX_POLICY_BYTES - len(LINES) + 1), PolicyFault.SIZE),
        (200, "", LINES, PolicyFault.MEDIA_TYPE),
        (301, "text/plain", LINES, PolicyFault.STATUS),
        (203, "text/plain", LINES, PolicyFault.STATUS),
    ],
)
def test_replies(status: int, content_type: str, body: bytes, fault: PolicyFault | None) -> None:
    """Only a reply of status 200 as text/plain and of at most 64 KiB is a policy (§3.2, §3.3)."""
    assert policy_reply(status, content_type, body).fault is fault


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mx.example.vn", "mx.example.vn", True),
        ("*.example.vn", "mx.example.vn", True),
        ("*.example.vn", "a.mx.example.vn", False),
        ("*.example.vn", "example.vn", False),
        ("example.vn", "mx.example.vn", False),
    ],
)
def test_patterns(pattern: str, host: str, expected: bool) -> None:
    """An asterisk is one whole left-most label (§4.1)."""
    assert StsPolicy(mode=StsMode.ENFORCE, mx=(pattern,), max_age=1).matches(host) is expected


@given(st.binary(max_size=400), st.lists(st.binary(max_size=60), max_size=3))
def test_any_bytes_can_be_read(body: bytes, records: list[bytes]) -> None:
    """Whatever a server sends is a policy, a record, or a fault."""
    assert isinstance(parse_policy(body), StsPolicy | PolicyFault)
    assert isinstance(parse_policy(LINES + body), StsPolicy | PolicyFault)
    assert record_fault([b"v=STSv1;" + record for record in records]) in (None, *RecordFault)


def test_a_redirect_is_not_followed() -> None:
    """The reply of the policy host itself is recorded, not that of the place it points to (§3.3)."""
    assert recorded(FOLDER, MtaStsPolicy, "redirected").reply.value.status == 302


@pytest.fixture(scope="module")
def stage() -> Iterator[ServerPlaces]:
    """The folder for the files of the servers."""
    with staged() as stage:
        yield stage


def identities() -> tuple[Identity, dict[str, Identity]]:
    """A root that senders trust, and certificates of a mail server that differ in what senders check."""
    authority, key = root(key=rsa_key()), rsa_key()
    between = intermediate(authority, key=rsa_key())
    return authority, {
        "valid": issue(HOST, between, key=key, dns=[HOST]),
        "wildcard": issue(HOST, between, key=key, dns=["*.example.vn"]),
        "expired": issue(HOST, between, key=key, dns=[HOST], days=(-30, -2)),
        "other-name": issue(HOST, between, key=key, dns=["example.vn", "*.mx.example.vn"]),
        "self-signed": issue(HOST, key=key, dns=[HOST]),
        "without-intermediate": Identity(issue(HOST, between, key=key, dns=[HOST]).certificate, key),
    }


def test_openssl_agrees(stage: ServerPlaces, tmp_path: Path) -> None:
    """A certificate has a fault for exactly the servers whose verification OpenSSL's client rejects."""
    authority, shown = identities()
    trusted = tmp_path / "root.pem"
    trusted.write_bytes(authority.pem)
    for name, identity in shown.items():
        place = stage.place(name)
        with serving(place, "smtp", identity) as port:
            uri = f"mx://{HOST}:{port}/mail.example.net"  # no certificate names this domain (RFC 7672 §3.2.2)
            run = run_probe(mail_server, uri, address=place.address, public_roots=authority.pem, answer_seconds=4)
            command = ("openssl", "s_client", "-starttls", "smtp", "-connect", f"{place.address}:{port}")
            verify = ("-servername", HOST, "-verify_hostname", HOST, "-CAfile", trusted, "-no-CApath", "-no-CAstore")
            client = subprocess.run(
                [*command, *verify, "-verify_return_error", "-purpose", "sslserver"],
                input=b"QUIT\r\n",
                capture_output=True,
                check=False,
                timeout=60,
            )
            server = run.seen(MailServer)
            for record in _tlsa_records(server):
                dane = (*command, "-servername", HOST, "-dane_tlsa_domain", HOST, "-dane_ee_no_namechecks")
                rrdata = f"{record.usage} {record.selector} {record.matching} {record.data}"
                arguments = [*dane, "-dane_tlsa_rrdata", rrdata, "-verify_return_error", "-no-CApath", "-no-CAstore"]
                done = subprocess.run(arguments, input=b"QUIT\r\n", capture_output=True, check=False, timeout=60)
                agrees = b"Verify return code: 0 (ok)" in done.stdout
                assert (dane_fault([record], server) is None) is agrees, (name, rrdata, done.stdout[-200:])
        certificates = server.certificates.value
        assert certificates is not None
        verified = b"Verify return code: 0 (ok)" in client.stdout
        assert (certificate_fault(certificates) is None) is verified, (name, client.stdout[-300:], client.stderr[-300:])
        assert verified is (name in ("valid", "wildcard")), name


def test_a_server_without_starttls_is_seen() -> None:
    """That a mail server offers no STARTTLS is an observation, not a scan that failed."""
    found = recorded(FOLDER, MailServer, "without-tls")
    assert found.certificates.value is None
    assert "250" in found.reply


def _tlsa_records(server: MailServer) -> list[TlsaRecord]:
    """Records of both usages for what the server presents, and one for another key."""
    certificates = server.certificates.value
    assert certificates is not None
    digests = {each.certificate: each for each in server.digests}
    chain = [digests[each.sha256] for each in certificates.chains[0].certificates]
    leaf, last = chain[0], chain[-1]
    return [
        TlsaRecord(usage=3, selector=1, matching=1, data=leaf.key),
        TlsaRecord(usage=3, selector=0, matching=2, data=leaf.certificate_sha512),
        TlsaRecord(usage=2, selector=0, matching=1, data=last.certificate),
        TlsaRecord(usage=2, selector=1, matching=2, data=last.key_sha512),
        TlsaRecord(usage=3, selector=1, matching=1, data="00" * 32),
    ]


_TLSA = st.builds(
    TlsaRecord,
    usage=st.integers(0, 255),
    selector=st.integers(0, 255),
    matching=st.integers(0, 255),
    data=st.binary(max_size=80).map(bytes.hex),
)


@given(st.lists(_TLSA, max_size=5))
def test_any_tlsa_record_is_matched_or_not(records: list[TlsaRecord]) -> None:
    """Records of any numbers and lengths are usable or not, and match no certificate by chance."""
    server = recorded(FOLDER, MailServer, "good")
    usable = [record for record in records if is_usable(record)]
    assert dane_fault(usable, server) is DaneFault.NO_MATCH
    assert matched(records, [server]) == ()


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([b"v=TLSRPTv1; rua=mailto:a@example.vn"], None),
        ([b"v=TLSRPTv1;rua=mailto:a@example.vn,https://example.vn/report;"], None),
        ([b"v=TLSRPTv1; rua=mailto:a@example.vn", b"unrelated"], None),
        ([], ReportingFault.MISSING),
        ([b"v=TLSRPTv2; rua=mailto:a@example.vn"], ReportingFault.MISSING),
        ([b"v=TLSRPTv1; rua=mailto:a@example.vn"] * 2, ReportingFault.SEVERAL),
        ([b"v=TLSRPTv1;"], ReportingFault.SYNTAX),
        ([b"v=TLSRPTv1; rua=mailto:a@b.vn; rua=mailto:b@b.vn"], ReportingFault.SYNTAX),
        ([b"v=TLSRPTv1; rua=a@example.vn"], ReportingFault.TARGET),
        ([b"v=TLSRPTv1; rua=http://example.vn"], ReportingFault.TARGET),
    ],
)
def test_reporting_records(records: list[bytes], fault: ReportingFault | None) -> None:
    """Exactly one record of the version counts, and it names where reports are sent (RFC 8460 §3)."""
    assert reporting_fault(records) is fault


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_reporting_record_can_be_read(records: list[bytes]) -> None:
    """Whatever is published is a record or a fault."""
    assert reporting_fault([b"v=TLSRPTv1;" + record for record in records]) in (None, *ReportingFault)


@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 100_000)), max_size=6))
def test_any_greeting_can_be_read(pieces: list[tuple[bytes, int]]) -> None:
    """Whatever a mail server sends is a greeting, or the cause for which there is none."""
    stored = StoredGreeting(pieces=tuple(Piece(data=data, milliseconds=at) for data, at in pieces))
    assert isinstance(stored.greeting(), Answer)
    assert len(stored.other_protocol) <= 1000
