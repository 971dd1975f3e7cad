"""The file security.txt: its parser, and the probe against running web servers."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector import Answer, Cause, Every, Outcome, ScanFailure, Subject, SubjectKind, SubjectResult
from inspector_http.checks.vulnerability_contact_published import vulnerability_contact_published
from inspector_http.observations import SecurityFile, SecurityTxt
from inspector_http.security_txt import FIELDS, PATH, instant, parse_file, without_other_text
from inspector_http.session import BODY_BYTES
from tests.plugins.inspector_http import sectxt
from tests.plugins.inspector_http.record import RECORDED_AT, SECURITY_SITES, security_file
from tests.plugins.inspector_http.webservers import SECRET, VALID, nginx
from tests.plugins.inspector_services.servers import own_address

URL = f"https://web.test{PATH}"
SUBJECT = Subject(
    kind=SubjectKind.ADDRESS, uri="https://web.test", scheme="https", host="web.test", address="192.0.2.1"
)
#: Pieces of files, good and broken.
PIECES = st.sampled_from(
    [
        *(f"{name.title()}: ".encode() for name in FIELDS),
        *(b"mailto:a@b.test", b"https://b.test/", b"tel:+84-24", b"2027-01-01T00:00:00Z", b"2027-13-01T00:00:00Z"),
        *(b"\n", b"\r\n", b"\r", b" ", b":", b"- ", b"#", b"\xef\xbb\xbf", b"\xff", b"\x00", b"<html>"),
        *(b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"),
    ]
)
FILES = st.binary(max_size=300) | st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join)


def parsed(body: bytes, media_type: str = "text/plain") -> SecurityFile | None:
    """What a body says."""
    return parse_file(without_other_text(body), URL, media_type)


def outcome(file: SecurityFile | None) -> Outcome:
    """The outcome for a system with one service that has this file."""
    facts = SecurityTxt(url=URL, seen_at=RECORDED_AT, file=Answer[SecurityFile | None](seen=file))
    return vulnerability_contact_published.evaluate([Every([SubjectResult(SUBJECT, facts)])], {}).outcome


@given(FILES, st.sampled_from(["text/plain", "text/html", ""]))
@example(b"Expires: 9999-12-31T23:59:60-23:59\nContact: tel:1", "text/plain")
@example(b"Expires: 0001-01-01T00:00:00+23:59\nContact: tel:1", "text/plain")
def test_no_bytes_raise_and_only_a_readable_contact_passes(body: bytes, media_type: str) -> None:
    """Whatever comes is parsed; what passes has a contact and an end in the future, each in the file itself."""
    file = parsed(body, media_type)
    if outcome(file) is Outcome.PASS:
        assert file is not None
        assert file.ends is not None
        assert file.ends > RECORDED_AT
        assert all(each.encode() in body for each in (*file.contacts_usable, *file.expires))
        assert file.contacts_usable
        assert media_type == "text/plain"


@given(st.binary(max_size=200))
def test_garbage_is_never_a_pass(body: bytes) -> None:
    """Bytes without the name of a field are no file."""
    if not any(name.encode() in body.lower() for name in FIELDS):
        assert parsed(body) is None
        assert outcome(parsed(body)) is Outcome.INCONCLUSIVE


@given(FILES)
def test_what_is_kept_is_read_as_the_whole(body: bytes) -> None:
    """Leaving out other text changes nothing, makes nothing longer, and a second time leaves out no more."""
    kept = without_other_text(body)
    assert len(kept) <= len(body)
    assert without_other_text(kept) == kept
    assert parse_file(kept, URL, "text/plain") == parsed(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-01T00:00:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01t07:00:00.25+07:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        *((text, None) for text in ("2027-01-01", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00", "01/01/2027", "")),
        ("٢٠٢٧-01-01T00:00:00Z", None),
    ],
)
def test_instants_are_those_of_rfc_3339(text: str, expected: datetime | None) -> None:
    """Other forms of a date are none: which day they mean is a guess."""
    assert instant(text) == expected


@pytest.mark.parametrize(
    ("contact", "usable"),
    [
        ("mailto:a@b.vn", True),
        ("MAILTO:a@b.vn?subject=x", True),
        ("https://b.vn/contact", True),
        ("tel:+84-24-3-000-0000", True),
        *((each, False) for each in ("a@b.vn", "http://b.vn/", "https://", "mailto:", "tel:", "javascript:alert(1)")),
        ("https://a@b.vn/", False),
        ("mailto:a b@c.vn", False),
    ],
)
def test_a_contact_is_a_uri_that_opens(contact: str, usable: bool) -> None:
    """RFC 9116 §2.5.3: a mailbox, a number, or a page over HTTPS; one of several is enough."""
    one, two = (
        parsed(f"Contact: {each}\nExpires: 2027-01-01T00:00:00Z\n{more}".encode())
        for each, more in ((contact, ""), (contact, "Contact: tel:113\n"))
    )
    assert (outcome(one), outcome(two)) == (Outcome.PASS if usable else Outcome.FAIL, Outcome.PASS)


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        (URL, Outcome.PASS),
        ("HTTPS://WEB.TEST:443/.well-known/security.txt", Outcome.PASS),
        ("https://web.test/security.txt", Outcome.INCONCLUSIVE),
        ("nonsense", Outcome.INCONCLUSIVE),
    ],
)
def test_a_file_that_belongs_elsewhere_decides_nothing(canonical: str, expected: Outcome) -> None:
    """RFC 9116 §2.5.2: a file whose canonical URLs lack the one that was requested is not to be trusted."""
    assert outcome(parsed(f"{VALID}Canonical: {canonical}\n".encode())) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{VALID}Expires: 2027-06-30T00:00:00Z\n", Outcome.FAIL),
        ("-----BEGIN PGP SIGNED MESSAGE-----\n\n" + VALID, Outcome.FAIL),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n" + VALID,
            Outcome.INCONCLUSIVE,
        ),
        ("Expires: 2027-06-30T00:00:00Z\n", Outcome.FAIL),
        ("Policy: https://web.test/\n", Outcome.FAIL),
        (VALID.replace("\n", "\r\n"), Outcome.PASS),
        ("\ufeff" + VALID, Outcome.PASS),
        (f"{VALID}Thanks!\nX-Extension: 1\n", Outcome.PASS),
    ],
)
def test_files_are_judged_by_rfc_9116(body: str, expected: Outcome) -> None:
    """Fields that must stand once do; outside of a signature nothing counts; what is not known is ignored."""
    assert outcome(parsed(body.encode())) is expected


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    address = own_address()
    with nginx(address):
        yield address


def test_one_request_is_made_and_other_text_is_not_kept(place: str) -> None:
    """A comment, an unknown field, other lines and a signature are in no recorded byte."""
    for name in ("valid", "signed"):
        output, facts = security_file(SECURITY_SITES[name], place)
        assert facts.file.value is not None
        assert SECRET.encode() not in b"".join(each.data for each in output.raw)


def test_a_redirect_to_another_host_is_not_followed(place: str) -> None:
    """It is recorded where it leads, nothing there is requested, and nothing is discovered."""
    output, facts = security_file(SECURITY_SITES["elsewhere"], place)
    assert facts.file.unseen is Cause.OUT_OF_SCOPE
    assert facts.leads_to == "https://www.web.test/.well-known/security.txt"
    assert output.discovered == ()


def test_a_long_file_is_read_to_the_bound(place: str) -> None:
    """Whether the rest of it changes what it says was not seen."""
    output, facts = security_file(SECURITY_SITES["long"], place)
    assert len(output.named("security.txt") or b"") <= BODY_BYTES
    assert facts.file.unseen is Cause.AMBIGUOUS


def test_a_closed_port_is_no_missing_file(place: str) -> None:
    """Without a reply there is no observation."""
    with pytest.raises(ScanFailure) as raised:
        security_file(8499, place)
    assert raised.value.cause is Cause.REFUSED


# --- sectxt ---

_GRAMMAR = (
    "breaks the grammar (RFC 9116 §4) where it keeps nobody from contact and expiry, which are all that is judged"
)
_HTTPS = "a further URL is not HTTPS; the contact that counts is one that is"
_SIGNATURE = "the armour is whole, and neither it nor what stands around it is verified, as the check says"
#: Why a file is valid here or there alone.
DISAGREEMENTS = {
    **dict.fromkeys(("no-final-line-end", "space-before-colon", "only-space-before-colon", "no-name"), _GRAMMAR),
    **dict.fromkeys(("space-and-no-name", "no-space", "one-value-empty", "line-without-colon", "bom"), _GRAMMAR),
    **dict.fromkeys(("language-word", "languages-mixed", "languages-twice"), "languages are recorded and not judged"),
    **dict.fromkeys(("contact-http-too", "encryption-http"), _HTTPS),
    **dict.fromkeys(("csaf-http", "csaf-other-file"), "CSAF is no field of RFC 9116, and is not read"),
    **dict.fromkeys(("signed-after-blank", "signed-then-blank", "signature-not-base64"), _SIGNATURE),
    **dict.fromkeys(("signature-escaped", "signed-field-outside"), _SIGNATURE),
    "contact-no-address": "mailto: without a host is no address (RFC 6068 §2); sectxt looks at the scheme alone",
}


@pytest.mark.parametrize("name", sectxt.FILES)
def test_a_file_is_valid_where_sectxt_finds_no_error(name: str) -> None:
    """Or there is a reason why not; none where both agree."""
    now = datetime.now(UTC)
    file = parse_file(without_other_text(sectxt.content(name, now)), "https://example.com" + PATH, "text/plain")
    errors = YAML(typ="safe").load(sectxt.RESULTS)[name]
    differs = (file is not None and file.is_valid_at(now)) != (not errors)
    assert differs == (name in DISAGREEMENTS), errors
