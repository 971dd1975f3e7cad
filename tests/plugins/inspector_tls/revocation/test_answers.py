"""The flaws of lists and responses, each by itself, compared with ``openssl verify`` where it checks the same."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.model.base import now
from inspector_tls.certificates.observations import Status
from inspector_tls.certificates.ocsp_staple import IssuerUnknown
from inspector_tls.certificates.x509_facts import facts
from inspector_tls.revocation.crl import crl_answer
from inspector_tls.revocation.observations import AnswerFlaw, Exempt, RevocationAnswer
from inspector_tls.revocation.ocsp import ocsp_answer, request
from inspector_tls.revocation.sources import exempt
from tests.plugins.inspector_tls.authority import DAY, PUBLIC, Identity, intermediate, issue, response, root
from tests.plugins.inspector_tls.revocation.sources import leaf, naming, revoked_list

ROOT = root()
AUTHORITY = intermediate(ROOT)
OTHER = root("Other root")
URL = "http://crl.localhost/list.crl"
LEAF = leaf(AUTHORITY, ocsp=["http://ocsp.localhost/"], crls=[URL])
KNOWN = [AUTHORITY.read, ROOT.read]


def _scope(**changes: object) -> list[tuple[x509.ExtensionType, bool]]:
    """The extension by which a list limits its scope."""
    values: dict[str, object] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return [(x509.IssuingDistributionPoint(**{**values, **changes}), True)]  # type: ignore[arg-type]


def _at(url: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url)]


SOME = frozenset({x509.ReasonFlags.key_compromise})
UNKNOWN = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)]
LISTS: list[tuple[str, bytes, AnswerFlaw | None]] = [
    ("sound", revoked_list(AUTHORITY), None),
    ("for this kind", revoked_list(AUTHORITY, extensions=_scope(only_contains_user_certs=True)), None),
    ("for this place", revoked_list(AUTHORITY, extensions=_scope(full_name=_at(URL))), None),
    ("expired", revoked_list(AUTHORITY, days=(-9, -2)), AnswerFlaw.EXPIRED),
    ("not yet valid", revoked_list(AUTHORITY, days=(2, 6)), AnswerFlaw.NOT_YET_VALID),
    ("by another authority", revoked_list(AUTHORITY, signer=OTHER), AnswerFlaw.BAD_SIGNATURE),
    ("of another", revoked_list(OTHER), AnswerFlaw.OTHER_ISSUER),
    (
        "for authorities",
        revoked_list(AUTHORITY, extensions=_scope(only_contains_ca_certs=True)),
        AnswerFlaw.OTHER_SCOPE,
    ),
    ("for another place", revoked_list(AUTHORITY, extensions=_scope(full_name=_at(f"{URL}2"))), AnswerFlaw.OTHER_SCOPE),
    ("for some reasons", revoked_list(AUTHORITY, extensions=_scope(only_some_reasons=SOME)), AnswerFlaw.OTHER_SCOPE),
    ("indirect", revoked_list(AUTHORITY, extensions=_scope(indirect_crl=True)), AnswerFlaw.OTHER_ISSUER),
    ("of changes", revoked_list(AUTHORITY, extensions=[(x509.DeltaCRLIndicator(6), True)]), AnswerFlaw.PARTIAL),
    ("with a riddle", revoked_list(AUTHORITY, extensions=UNKNOWN), AnswerFlaw.UNKNOWN_EXTENSION),
    ("cut", revoked_list(AUTHORITY)[:-30], AnswerFlaw.MALFORMED),
    ("empty", b"", AnswerFlaw.MALFORMED),
]
#: ``openssl verify`` ignores the distribution point in a list's scope.
LAX = {"indirect"}


def _openssl(folder: Path, data: bytes) -> bool:
    """Whether ``openssl verify -crl_check`` accepts the certificate by this list."""
    list_ = folder / "list"
    list_.write_bytes(data)
    authority, _ = AUTHORITY.write(folder, "authority", chain=())
    certificate, _ = LEAF.write(folder, "leaf", chain=())
    command = ("openssl", "verify", "-partial_chain", "-crl_check", "-extended_crl", "-CRLfile", list_)
    return (
        subprocess.run((*command, "-trusted", authority, certificate), capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize(("name", "data", "flaw"), LISTS, ids=[each[0] for each in LISTS])
def test_a_list_proves_good_only_within_its_scope(
    tmp_path: Path, name: str, data: bytes, flaw: AnswerFlaw | None
) -> None:
    """Absence proves *good* only of a list that is the issuer's, valid now, complete, and covers the certificate."""
    answer = crl_answer(data, LEAF.read, KNOWN, now())
    assert answer.flaw is flaw
    if name not in LAX:
        assert _openssl(tmp_path, data) is (flaw is None)


def test_an_entry_in_a_list_for_some_reasons_is_revoked() -> None:
    """A list for some reasons does not prove *good*, but proves *revoked*, with time and reason, for its entries."""
    data = revoked_list(AUTHORITY, [LEAF], extensions=_scope(only_some_reasons=SOME))
    answer = crl_answer(data, LEAF.read, KNOWN, now())
    assert (answer.status, answer.flaw, answer.reason, answer.number) == (Status.REVOKED, None, "keyCompromise", "7")
    assert answer.revoked_at is not None


def test_a_list_in_pem_is_read() -> None:
    """Some authorities serve their lists in PEM."""
    data = x509.load_der_x509_crl(revoked_list(AUTHORITY)).public_bytes(Encoding.PEM)
    assert crl_answer(data, LEAF.read, KNOWN, now()) == crl_answer(revoked_list(AUTHORITY), LEAF.read, KNOWN, now())


def test_a_distribution_point_for_some_reasons_proves_nothing() -> None:
    """Where the certificate limits a distribution point to some reasons, absence from its list proves nothing."""
    point = x509.DistributionPoint(_at(URL), None, SOME, None)
    asked = issue("some", AUTHORITY, extensions=[(x509.CRLDistributionPoints([point]), False)])
    assert crl_answer(revoked_list(AUTHORITY), asked.read, KNOWN, now()).flaw is AnswerFlaw.OTHER_SCOPE


def test_an_issuer_that_may_not_sign_lists_signs_none() -> None:
    """Where keyUsage of the issuer lacks cRLSign, its list proves nothing."""
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    limited = intermediate(ROOT, "Limited", extensions=[(usage, True)])
    asked = leaf(limited, crls=[URL])
    answer = crl_answer(revoked_list(limited), asked.read, [limited.read], now())
    assert answer.flaw is AnswerFlaw.WRONG_RESPONDER


def test_an_unknown_issuer_raises() -> None:
    """Without the issuer's certificate there is no answer."""
    with pytest.raises(IssuerUnknown):
        crl_answer(revoked_list(AUTHORITY), LEAF.read, [ROOT.read], now())


# --- responses ---


TRY_LATER = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)


def _sent(nonce: bytes = b"0" * 16) -> bytes:
    return request(LEAF.read, AUTHORITY.read, nonce)


def _answer(nonce: bytes | None = None, *, until: bool = True, age: int = 0) -> bytes:
    """A response with status good, this nonce, and an age in days."""
    instant = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - age * DAY
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=LEAF.certificate,
        issuer=AUTHORITY.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=instant,
        next_update=instant + 9 * DAY if until else None,
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, AUTHORITY.certificate)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(AUTHORITY.key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (_answer(), None),
        (_answer(b"0" * 16), None),
        (_answer(b"1" * 16), AnswerFlaw.OTHER_NONCE),
        (_answer(until=False), None),
        (_answer(until=False, age=3), AnswerFlaw.UNDATED),
        (
            ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER),
            AnswerFlaw.UNSUCCESSFUL,
        ),
        (_answer()[:-9], AnswerFlaw.MALFORMED),
    ],
    ids=["without nonce", "with ours", "with another", "undated", "undated and old", "try later", "cut"],
)
def test_a_response_is_current_and_has_the_nonce(data: bytes, flaw: AnswerFlaw | None) -> None:
    """Another nonce, and an old answer without an end of validity, prove nothing; no nonce is usual."""
    assert ocsp_answer(data, _sent(), LEAF.read, KNOWN, now()).flaw is flaw


def test_a_delegate_needs_the_purpose(tmp_path: Path) -> None:
    """A delegate may answer only with id-kp-OCSPSigning in its certificate (RFC 6960 §4.2.2.2)."""
    signing = x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING
    for purpose, flaw in ((x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, AnswerFlaw.WRONG_RESPONDER), (signing, None)):
        signer = issue("Responder", AUTHORITY, purpose=purpose)
        answer = ocsp_answer(response(LEAF, AUTHORITY, signer=signer), _sent(), LEAF.read, KNOWN, now())
        assert answer.flaw is flaw


def _reads(data: bytes) -> tuple[RevocationAnswer, RevocationAnswer]:
    return crl_answer(data, LEAF.read, KNOWN, now()), ocsp_answer(data, _sent(), LEAF.read, KNOWN, now())


@given(data=st.binary(max_size=400))
def test_any_bytes_are_malformed_without_an_exception(data: bytes) -> None:
    """Any bytes give an answer with a flaw, and never an exception."""
    assert all(answer.flaw is not None for answer in _reads(data))


_SOUND = (revoked_list(AUTHORITY), _answer())


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), which=st.integers(0, 1))
def test_no_changed_byte_is_accepted(place: float, flip: int, which: int) -> None:
    """A response or list in which one byte was changed never proves the certificate good."""
    data = bytearray(_SOUND[which])
    data[int(place * len(data))] ^= flip
    answer = _reads(bytes(data))[which]
    assert answer.flaw is not None or answer.status is not Status.GOOD or _is_unsigned(bytes(data), which)


def _is_unsigned(data: bytes, which: int) -> bool:
    """Whether the change is outside the signed bytes, in fields without meaning for the certificate."""
    if which == 0:
        whole, changed = (x509.load_der_x509_crl(each) for each in (_SOUND[0], data))
        return whole.tbs_certlist_bytes == changed.tbs_certlist_bytes
    first, second = (ocsp.load_der_ocsp_response(each) for each in (_SOUND[1], data))
    return first.tbs_response_bytes == second.tbs_response_bytes


# --- exempt certificates ---


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (issue("a", AUTHORITY, days=(-1, 5), extensions=[*naming(crls=[URL]), PUBLIC]), Exempt.SHORT_LIVED),
        (issue("a", AUTHORITY, days=(-1, 7), extensions=[*naming(crls=[URL]), PUBLIC]), None),
        (issue("a", AUTHORITY, days=(-1, 5), extensions=naming(crls=[URL])), None),
        (issue("a", extensions=naming(crls=[URL])), Exempt.SELF_SIGNED),
        (issue("a", AUTHORITY), Exempt.UNNAMED),
    ],
    ids=["short-lived", "longer", "short-lived of no public authority", "self-signed", "unnamed"],
)
def test_exempt_certificates_are_recognised(identity: Identity, reason: Exempt | None) -> None:
    """Certificates of at most seven days under the public policies, self-signed ones, and those that name no source."""
    assert exempt(facts(identity.read)) is reason


def test_sources_of_a_certificate_are_facts() -> None:
    """Responders and lists are among the facts of a certificate, in their order."""
    urls: Sequence[str] = [f"http://{letter}.localhost/" for letter in "ba"]
    found = facts(leaf(AUTHORITY, ocsp=urls, crls=[URL]).read)
    assert (found.ocsp, found.crls) == (tuple(urls), (URL,))
