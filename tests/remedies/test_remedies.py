"""Remedies: each one, applied to a failing server of Debian, makes its check pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector import Check, Declared, Every, Outcome, SubjectResult, Verdict
from inspector.model.table import NoTable
from inspector.registry.registry import installed
from inspector.report.remedies import PRODUCTS, PlacedLines, Remedy, gathered, remedies_of
from inspector.testing import run_probe
from inspector_http.probes import http
from inspector_sslyze.probes import tls_sessions
from inspector_tls.enumeration.probe import tls
from inspector_tls.resumption.probe import tls_resumption
from inspector_tls.starttls.probes import starttls
from tests.remedies import servers
from tests.remedies.servers import NAME, Ports, Server
from tests.remedies.websites import SITES
from tests.reports import examples

SERVERS: dict[str, Server] = {
    "nginx": servers.nginx,
    "apache": servers.apache,
    "haproxy": servers.haproxy,
    "postfix": servers.postfix,
    "dovecot": servers.dovecot,
}
SCHEMES = {"nginx": "https", "apache": "https", "haproxy": "https", "postfix": "smtp", "dovecot": "imap"}
PROBES = {
    "tls/": tls,
    "http/": http,
    "starttls/": starttls,
    "tls-resumption/": tls_resumption,
    "tls-sessions/": tls_sessions,
}
ROOT = Path(__file__).parents[2]


def all_remedies() -> Iterator[tuple[str, str, Remedy]]:
    """Every remedy with its check and product."""
    registry = installed()
    for check in registry.checks:
        for product, remedy in remedies_of(registry.package_of(check), check).items():
            yield check, product, remedy


#: The checks whose remedies ``test_stapling`` tries, at servers with certificates of another kind.
STAPLING = frozenset({"certificate-staple-good", "certificate-stapled-when-required"})
#: The remedies of web and mail servers; ``test_websites`` tries those of pages, ``test_services`` all others.
TRIED = [
    (product, check, remedy)
    for check, product, remedy in all_remedies()
    if remedy.tried and product in SERVERS and check not in STAPLING and check not in SITES
]


#: What else is weak at the server where a check is to fail.
WEAK = {
    "dh-strong": "dh",
    "no-logjam": "dh",
    "signature-schemes-strong": "signatures",
    "starttls-offered": "starttls",
    "early-data-off": "early-data",
}
#: What no server of Debian 12 can be made to do: its OpenSSL 3 has neither SSL 2 and 3 nor these suites nor
#: compression, always honours TLS_FALLBACK_SCSV and encrypts then MACs; Apache httpd adds ``!aNULL:!eNULL`` to every
#: list of suites, Dovecot offers no exchange of RSA keys, and HAProxy no finite-field Diffie-Hellman.
NEVER_FAILING = frozenset(
    {"no-rc4", "no-poodle", "no-drown", "no-export-suites", "no-sweet32", "no-compression", "fallback-scsv-honoured"}
) | {"encrypt-then-mac-or-no-cbc"}
NEVER_FAILING_OF = frozenset(
    {
        ("apache", "no-null-or-anonymous-suites"),
        ("dovecot", "forward-secrecy-only"),
        ("haproxy", "dh-strong"),
        ("haproxy", "no-logjam"),
    }
)


def weak_for(*checks: str) -> frozenset[str]:
    """What is weak for these checks."""
    return frozenset(WEAK[each] for each in checks if each in WEAK)


def observe(check: Check, product: str, ports: Ports, *, everything: bool = False) -> SubjectResult[Any]:
    """The observation of a server that a check needs, or ``everything`` that the probe can see."""
    kind = next(each.kind for each in check.inputs if each.kind is not None)
    probe = next(each for name, each in PROBES.items() if kind.kind.startswith(name))
    plain = check.id == "http-redirects-to-https"
    scheme, port = ("http", ports.plain) if plain else (SCHEMES[product], ports.tls)
    options: dict[str, Any] = {"answer_seconds": 3} if probe is tls else {}
    if check.needs is not None and probe.has_parts and not everything:
        options["parts"] = check.needs
    page = "/" if scheme in ("http", "https") else ""
    done = run_probe(probe, f"{scheme}://{NAME}:{port}{page}", address=ports.address, **options)
    return SubjectResult(done.target.subject, done.seen(kind))


def verdict(check: Check, seen: SubjectResult[Any]) -> Verdict:
    """The verdict of a check on an observation."""
    given: list[object] = []
    for each in check.inputs:
        beside = NoTable(each.table.kind) if each.table else Declared()
        given.append(beside if each.kind is None else Every([seen]) if each.every else seen)
    return check.evaluate(given, {})


_before: dict[tuple[str, frozenset[str], str, bool], SubjectResult[Any]] = {}


def before(check: Check, product: str) -> Verdict:
    """The verdict of a check on the server as it is, which is scanned once for all checks of one observation."""
    kind = next(each.kind.kind for each in check.inputs if each.kind is not None)
    key = (product, weak_for(check.id), kind, check.id == "http-redirects-to-https")
    if key not in _before:
        with SERVERS[product]([], key[1]) as ports:
            _before[key] = observe(check, product, ports, everything=True)
    return verdict(check, _before[key])


_after: dict[tuple[str, frozenset[str], str, bool, str, tuple[str, ...]], SubjectResult[Any]] = {}


def after(check: Check, product: str, remedy: Remedy) -> Verdict:
    """The verdict of a check on the server with the lines of a remedy, which is scanned once for equal lines."""
    kind = next(each.kind.kind for each in check.inputs if each.kind is not None)
    plain = check.id == "http-redirects-to-https"
    key = (product, weak_for(check.id), kind, plain, remedy.place, remedy.lines)
    if key not in _after:
        with SERVERS[product]([PlacedLines(remedy.place, remedy.lines)], key[1]) as ports:
            _after[key] = observe(check, product, ports, everything=True)
    return verdict(check, _after[key])


@pytest.mark.parametrize(("product", "check", "remedy"), TRIED, ids=lambda each: each if isinstance(each, str) else "")
def test_a_remedy_makes_its_check_pass(product: str, check: str, remedy: Remedy) -> None:
    """The check fails at the server as it is, if it can, and no more once the lines of the remedy are applied."""
    judged = installed().checks[check]
    unmended = before(judged, product)
    if check in NEVER_FAILING or (product, check) in NEVER_FAILING_OF:
        assert unmended.outcome is not Outcome.ERROR, unmended  # another release may fail
    else:
        assert unmended.outcome is Outcome.FAIL, unmended
    mended = after(judged, product, remedy)
    assert mended.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), mended


#: Checks that fail at servers that the others do not fail at.
_NOT_TOGETHER = ("starttls-offered", "early-data-off")


@pytest.mark.parametrize("product", SERVERS)
def test_the_block_of_a_report_makes_all_checks_pass(product: str) -> None:
    """What a report gathers for a server with every failure can be copied as it stands, and leaves none of them."""
    checks = [check for other, check, _ in TRIED if other == product and check not in _NOT_TOGETHER]
    tried = [each for each in TRIED if each[0] == product and each[1] in checks]
    (found,) = gathered((check, product, remedy) for _, check, remedy in tried)
    registry = installed()
    with SERVERS[product](found.blocks, weak_for(*checks)) as ports:
        mended = {
            each: verdict(registry.checks[each], observe(registry.checks[each], product, ports)) for each in checks
        }
    assert {each.outcome for each in mended.values()} <= {Outcome.PASS, Outcome.NOT_APPLICABLE}, mended


def test_every_remedy_is_about_a_check() -> None:
    """A file of remedies has the name of a check of its plugin."""
    registry = installed()
    for path in ROOT.glob("plugins/*/remedies/*.yaml"):
        assert path.stem in registry.checks, path
        assert registry.package_of(path.stem) == path.parts[-3], path


def test_no_setting_contradicts_another() -> None:
    """In one place of one product a setting has one value in all remedies, except that headers, rules and the records
    of a zone add up.
    """
    values: dict[tuple[str, str, str], set[str]] = {}
    for _, product, remedy in all_remedies():
        for line in () if remedy.place.startswith("/etc/bind/db.") else remedy.lines:
            values.setdefault((product, remedy.place, servers._name_of(line)), set()).add(line)
    different = {key: lines for key, lines in values.items() if len(lines) > 1}
    # What remedies of checks that hardly ever fail together set apart, each complete in itself.
    assert {key[2] for key in different} <= {"ssl_ecdh_curve", "ssl-default-bind-curves", "tls_eecdh_auto_curves",
                                             "ssl_curve_list", "ssl-default-bind-options"}  # fmt: skip


def test_a_check_explains_itself_without_a_product_that_has_a_remedy() -> None:
    """What a check says to everybody names no product for which its settings stand beside it; versions may be named."""
    registry = installed()
    for check, product, _ in all_remedies():
        name = re.escape(PRODUCTS[product].name.split()[0])
        named = re.findall(rf"\b{name}\b(?! \(?[0-9])", registry.checks[check].remediation)
        assert not named, (check, product)


def test_a_name_from_a_bundle_reads_no_other_file() -> None:
    """A check that is not installed has no remedies, whatever it is called."""
    view = examples.view()
    finding = view.assessment.findings[0].model_copy(update={"check": "../../../etc/passwd" + "x" * 5000})
    assert view.remedies([finding]) == ()


@pytest.mark.parametrize(
    ("subject", "products"),
    [
        ("https://www.example.vn:8443", {"nginx", "apache", "haproxy", "iis"}),
        ("smtp://mail.example.vn", {"postfix"}),
        ("submission://mail.example.vn", {"postfix"}),
        ("imap://mail.example.vn", {"dovecot"}),
        ("tls://mail.example.vn:993", {"dovecot"}),
        ("tls://mail.example.vn:465", {"postfix"}),
        ("tls://www.example.vn:443", {"nginx", "apache", "haproxy", "iis"}),
        ("ldap://directory.example.vn", set()),
        ("tls://directory.example.vn:636", set()),
    ],
)
def test_only_products_that_speak_the_protocol_are_named(subject: str, products: set[str]) -> None:
    """A finding about a mail server gets no settings for a web server, and one about neither gets none."""
    view = examples.view(registry=installed())
    finding = view.assessment.findings[0].model_copy(update={"check": "tls-modern-protocols", "subject": subject})
    assert {each.product for each in view.remedies([finding])} == products


def test_what_was_not_tried_says_so() -> None:
    """A product without a server in these tests is never said to have been tried."""
    assert {product for product, _, _ in TRIED} == set(SERVERS)
    assert all(remedy.tried is None for _, product, remedy in all_remedies() if product == "iis")
    view = examples.view(registry=installed())
    finding = view.assessment.findings[0].model_copy(
        update={"check": "tls-modern-protocols", "subject": "https://www.example.vn"}
    )
    untried = {each.product: (each.untried, bool(each.tried)) for each in view.remedies([finding])}
    assert untried["iis"] == (True, False)
    assert untried["nginx"] == (False, True)
