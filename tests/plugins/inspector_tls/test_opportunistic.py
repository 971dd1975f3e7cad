"""What the clients of a protocol do not validate is no failure there: anonymous suites, and weak certificates."""

from pathlib import Path

import pytest

from inspector import Answer, Cause, Check, Outcome, Subject, SubjectKind, SubjectResult, checks_in
from inspector.model.table import TableAt
from inspector.registry.registry import installed
from inspector.tables.store import shipped_tables
from inspector.testing import recorded, recordings, unseen_variants
from inspector_tls import checks
from inspector_tls.certificates.observations import Certificates
from inspector_tls.checks.no_null_or_anonymous_suites import no_null_or_anonymous_suites
from inspector_tls.criteria.cipher_suites import accepted_suites, does_not_encrypt
from inspector_tls.observations import Tls
from inspector_tls.starttls.negotiation import SCHEMES

OWN_ROOTS = {"ldap", "lmtp", "mysql", "postgresql", "rdp"}
SUBJECT = Subject(kind=SubjectKind.ADDRESS, uri="tls://www.example.vn:1", scheme="tls", host="www.example.vn", port=1)
HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["from-tls-1-0", "nginx-old"])
def test_anonymous_suites_count_where_clients_validate(name: str) -> None:
    """The same server fails as https, and as smtp only when a suite does not encrypt."""
    seen = recorded(HERE, Tls, name)
    assert no_null_or_anonymous_suites(seen).outcome is Outcome.FAIL
    mail = seen.model_copy(update={"scheme": "smtp"})
    expected = Outcome.FAIL if accepted_suites(seen, does_not_encrypt) else Outcome.PASS
    assert no_null_or_anonymous_suites(mail).outcome is expected


def test_both_kinds_of_server_were_recorded() -> None:
    """One of the recordings has anonymous suites alone, the other NULL suites, too."""
    names = [recorded(HERE, Tls, name) for name in ("from-tls-1-0", "nginx-old")]
    assert {bool(accepted_suites(each, does_not_encrypt)) for each in names} == {True, False}


# --- certificates -----------------------------------------------------------------------------------------------------

CERTIFICATES = [
    recorded(HERE, Certificates, name.removeprefix("certificates/"))
    for name in recordings(HERE)
    if name.startswith("certificates/")
]

JUDGES = [
    each
    for each in checks_in(checks)
    if each.inputs
    and each.inputs[0].kind is Certificates
    and not each.inputs[0].every
    and all(wire.table for wire in each.inputs[1:])
]
#: The shipped tables by kind: some of these checks compare with one.
TABLES = {each.kind: each for each in shipped_tables(installed())}
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)
#: What a protocol may make of a failure.
SOFTENED = {
    "smtp": {Outcome.FAIL, Outcome.NOT_APPLICABLE},
    "xmpp-server": {Outcome.FAIL, Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE},
    "xmpp-client": {Outcome.FAIL, Outcome.INCONCLUSIVE},
    "postgresql": {Outcome.FAIL, Outcome.NOT_APPLICABLE},
}
#: Claims about the certificate itself, whatever the client.
OF_ITSELF = {"certificate-key-strong", "certificate-lifetime-limited", "certificate-profile-conforms"}


def _outcome(check: Check, seen: Certificates) -> Outcome:
    kinds = [wire.table for wire in check.inputs if wire.table is not None]
    tables = [TableAt(TABLES[kind.kind], kind, TABLES[kind.kind].dated) for kind in kinds]
    return check.evaluate([SubjectResult(SUBJECT, seen), *tables], {}).outcome


@pytest.mark.parametrize("scheme", sorted(scheme.name for scheme in SCHEMES))
def test_a_protocol_only_softens_failures(scheme: str) -> None:
    """What a protocol's clients do not validate changes a failure to not applicable, and nothing else."""
    allowed = SOFTENED.get("postgresql" if scheme in OWN_ROOTS else scheme, {Outcome.FAIL})
    for check in JUDGES:
        for seen in CERTIFICATES:
            before = _outcome(check, seen.model_copy(update={"scheme": "https"}))
            after = _outcome(check, seen.model_copy(update={"scheme": scheme}))
            assert after is before or (before is Outcome.FAIL and after in allowed), (check.id, seen.host)


def test_between_mail_servers_only_the_certificate_itself_fails() -> None:
    """Of all that is recorded only flaws of a key or a public certificate fail on smtp."""
    failed = {
        check.id
        for check in JUDGES
        for seen in CERTIFICATES
        if _outcome(check, seen.model_copy(update={"scheme": "smtp"})) is Outcome.FAIL
    }
    assert failed <= OF_ITSELF
    assert "certificate-key-strong" in failed


@pytest.mark.parametrize("scheme", SOFTENED)
def test_what_is_unseen_never_makes_a_verdict_good(scheme: str) -> None:
    """Whatever the protocol, turning one answer into unseen never turns a verdict into pass or not applicable."""
    for check in JUDGES:
        for seen in (each.model_copy(update={"scheme": scheme}) for each in CERTIFICATES):
            before = _outcome(check, seen)
            for variant in unseen_variants(seen):
                after = _outcome(check, variant)
                assert after not in GOOD or after is before, (check.id, variant)


def _recorded(name: str) -> Certificates:
    return recorded(HERE, Certificates, name)


def test_private_authority_with_an_expired_certificate() -> None:
    """A private CA excuses no other flaw, whether the flawed chain was seen or not."""
    private, expired = _recorded("postgresql-private"), _recorded("postgresql-expired")
    leaves = private.leaves_by_kind.model_copy(update={"other": expired.leaves_by_kind.usual})
    both = private.model_copy(update={"leaves_by_kind": leaves, "chains": (*private.chains, *expired.chains)})
    (check,) = (each for each in JUDGES if each.id == "certificate-chains-to-public-root")
    assert _outcome(check, private) is Outcome.NOT_APPLICABLE
    assert _outcome(check, both) is Outcome.FAIL
    half = both.model_copy(update={"leaves_by_kind": leaves.model_copy(update={"usual": Answer(unseen=Cause.TIMEOUT)})})
    assert _outcome(check, half) is Outcome.FAIL
    for variant in unseen_variants(both):
        assert _outcome(check, variant) not in GOOD
