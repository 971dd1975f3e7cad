"""The checks, on what was recorded from running servers (``record``)."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from inspector import Answer, Cause, Check, Declared, Every, Outcome, Quantity, SubjectResult, Verdict, checks_in
from inspector.model.subject import SYSTEM
from inspector.testing import unseen_variants
from inspector_http import checks
from inspector_http.checks.cookies_flagged import cookies_flagged
from inspector_http.checks.every_web_endpoint_encrypted import every_web_endpoint_encrypted
from inspector_http.checks.framing_restricted import framing_restricted
from inspector_http.checks.hsts_set import hsts_set
from inspector_http.checks.http_redirects_to_https import http_redirects_to_https
from inspector_http.observations import Header, Http, Redirect

RECORDED = Path(__file__).with_name("recorded")
SCENES = {path.stem: Http.parse(path.read_bytes()) for path in sorted(RECORDED.glob("*.json"))}
BY_ID = {check.id: check for check in checks_in(checks)}
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)

PASS, FAIL, UNCLEAR, NONE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE

#: By check, the scenes of each outcome; every other scene is inconclusive.
EXPECTED: dict[str, dict[Outcome, str]] = {
    "https-reachable": {
        PASS: "good bad bare elsewhere",
        FAIL: "https-without-tls closed-https",
        NONE: "to-https clear to-clear http-with-tls closed blocked challenge cookies escapes json login loop missing "
        "nonsense-redirect too-many two-locations unavailable endless-body",
    },
    "http-redirects-to-https": {
        PASS: "to-https http-with-tls closed",
        FAIL: "clear to-clear cookies escapes json login endless-body",
        NONE: "good bad bare elsewhere https-without-tls closed-https",
    },
    "every-web-endpoint-encrypted": {
        PASS: "good bad bare elsewhere to-https to-clear http-with-tls closed closed-https",
        FAIL: "https-without-tls clear cookies escapes json login endless-body",
    },
    "hsts-set": {
        PASS: "good",
        FAIL: "bad bare elsewhere",
        NONE: "to-https clear to-clear http-with-tls closed blocked challenge cookies escapes json login loop missing "
        "nonsense-redirect too-many two-locations unavailable endless-body",
    },
    "framing-restricted": {
        PASS: "good",
        FAIL: "bad bare clear cookies escapes endless-body",
        NONE: "elsewhere to-https to-clear json closed",
    },
    "content-type-nosniff": {
        PASS: "good endless-body",
        FAIL: "bad bare clear cookies escapes json",
        NONE: "elsewhere to-https to-clear closed",
    },
    "cookies-flagged": {
        PASS: "good",
        FAIL: "bad cookies",
        NONE: "bare elsewhere to-https clear to-clear escapes json endless-body nonsense-redirect two-locations closed",
    },
    "no-version-disclosed": {
        PASS: "good elsewhere to-https cookies escapes json endless-body nonsense-redirect two-locations",
        FAIL: "bad bare clear to-clear",
        NONE: "closed",
    },
}


def evaluate(check: Check, http: Http, declared: Declared | None = None) -> Verdict:
    """Judge as the engine does, whatever the check takes."""
    seen = SubjectResult(SYSTEM, http)
    inputs: list[Any] = []
    for wire in check.inputs:
        if wire.kind is None:
            inputs.append(declared or Declared())
        else:
            inputs.append(Every([seen]) if wire.every else seen)
    return check.evaluate(inputs, {})


@pytest.mark.parametrize(("check", "scene"), list(product(EXPECTED, SCENES)))
def test_each_check_judges_each_recorded_server(check: str, scene: str) -> None:
    """Every recorded server has the verdict that it deserves."""
    expected = next((outcome for outcome, names in EXPECTED[check].items() if scene in names.split()), UNCLEAR)
    assert evaluate(BY_ID[check], SCENES[scene]).outcome is expected


@pytest.mark.parametrize("check", checks_in(checks), ids=lambda check: check.id)
def test_nothing_turns_good_because_it_was_not_seen(check: Check) -> None:
    """No single answer that goes missing turns a verdict into pass or not-applicable."""
    for http in SCENES.values():
        if evaluate(check, http).outcome not in GOOD:
            assert all(evaluate(check, variant).outcome not in GOOD for variant in unseen_variants(http))


def with_headers(**headers: str | list[str]) -> Http:
    """The good page with these header fields instead; hand-made."""
    fields = [
        Header(name=name.replace("_", "-"), value=value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return SCENES["good"].model_copy(update={"headers": Answer[tuple[Header, ...]](seen=tuple(fields))})


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ("max-age=31536000", PASS),
        ('MAX-AGE="31536000" ; includeSubDomains;; preload', PASS),
        ("max-age=31535999", FAIL),
        ("max-age=0", FAIL),
        ("max-age=-1", FAIL),
        ("max-age=", FAIL),
        ("includeSubDomains", FAIL),
        ("max-age=31536000; max-age=31536000", FAIL),
        ("max-age=31536000; includeSubDomains; IncludeSubDomains", FAIL),
        ("max-age=31536000, max-age=31536000", FAIL),
        ("max-age=31536000; foo=(bar)", FAIL),
        ("max-age=" + "9" * 6000, PASS),
        (["max-age=0", "max-age=31536000"], FAIL),
        (["max-age=31536000", "max-age=0"], PASS),
    ],
)
def test_hsts_is_read_as_browsers_read_it(values: str | list[str], outcome: Outcome) -> None:
    """RFC 6797: only the first field counts, and one that breaks the grammar not at all."""
    assert hsts_set(with_headers(strict_transport_security=values)).outcome is outcome


def test_hsts_says_measure_and_threshold() -> None:
    """Both are quantities in seconds; a profile may ask for more."""
    verdict = hsts_set(with_headers(strict_transport_security="max-age=31536000"), max_age_seconds=63072000)
    assert verdict.outcome is FAIL
    assert verdict.measured == Quantity(value=31536000, unit="second")
    assert verdict.threshold == Quantity(value=63072000, unit="second")


def test_hsts_of_a_bare_address_is_not_applicable() -> None:
    """RFC 6797 §8.1.1: no browser notes it."""
    at_address = SCENES["good"].model_copy(update={"host": "127.0.0.1"})
    assert hsts_set(at_address).outcome is NONE


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"x_frame_options": "DENY"}, PASS),
        ({"x_frame_options": "sameorigin"}, PASS),
        ({"x_frame_options": ["SAMEORIGIN", "sameorigin"]}, PASS),
        ({"x_frame_options": "DENY, SAMEORIGIN"}, PASS),
        ({"x_frame_options": "ALLOW-FROM https://a.test"}, FAIL),
        ({"x_frame_options": "ALLOWALL"}, FAIL),
        ({"x_frame_options": ""}, FAIL),
        ({"content_security_policy": "frame-ancestors 'self' https://a.test"}, PASS),
        ({"content_security_policy": "frame-ancestors"}, PASS),
        ({"content_security_policy": "default-src 'none'; FRAME-ANCESTORS *"}, FAIL),
        ({"content_security_policy": "frame-ancestors 'self' https:"}, FAIL),
        ({"content_security_policy": "frame-ancestors *:443"}, FAIL),
        ({"content_security_policy": "frame-ancestors https://*:*"}, FAIL),
        ({"content_security_policy": "frame-ancestors HTTPS://*:8443/app"}, FAIL),
        ({"content_security_policy": "frame-ancestors https://*.a.test:443"}, PASS),
        ({"content_security_policy": "frame-ancestors *", "x_frame_options": "DENY"}, FAIL),
        ({"content_security_policy": "frame-ancestors *, frame-ancestors 'none'"}, PASS),
        ({"content_security_policy": ["frame-ancestors *", "frame-ancestors 'none'"]}, PASS),
        ({"content_security_policy": "frame-ancestors *; frame-ancestors 'none'"}, FAIL),
        ({"content_security_policy_report_only": "frame-ancestors 'none'"}, FAIL),
        ({"content_security_policy": "default-src 'none'"}, FAIL),
        ({"content_type": "application/json"}, NONE),
        ({"content_type": "text/html; charset=utf-8"}, FAIL),
    ],
)
def test_framing_is_read_as_browsers_read_it(headers: dict[str, str | list[str]], outcome: Outcome) -> None:
    """frame-ancestors overrides X-Frame-Options, and every policy must agree."""
    assert framing_restricted(with_headers(**headers)).outcome is outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("nosniff", PASS), ("NoSniff, x", PASS), ("x, nosniff", FAIL), ("", FAIL), ("sniff", FAIL)],
)
def test_nosniff_must_come_first(value: str, outcome: Outcome) -> None:
    """The Fetch Standard scans the first element only."""
    assert BY_ID["content-type-nosniff"](with_headers(x_content_type_options=value)).outcome is outcome


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ({"server": "nginx"}, PASS),
        ({"server": "AmazonS3"}, PASS),
        ({"server": "h2o"}, PASS),
        ({"server": "srv1"}, PASS),
        ({"server": "360wzws"}, PASS),
        ({"server": "OpenResty V8"}, FAIL),
        ({"x_generator": "Drupal 10 (https://www.drupal.org)"}, FAIL),
        ({"server": "nginx/1.22.1"}, FAIL),
        ({"server": "Apache/2"}, FAIL),
        ({"server": "Microsoft-IIS/10.0"}, FAIL),
        ({"server": "Jetty(9.4.z)"}, FAIL),
        ({"x_powered_by": "PHP/8.2"}, FAIL),
        ({"x_aspnet_version": "4.0.30319"}, FAIL),
        ({"x_request_id": "1.2.3"}, PASS),
    ],
)
def test_a_version_is_a_number_of_its_own(header: dict[str, str | list[str]], outcome: Outcome) -> None:
    """A digit inside a product's name is no version."""
    assert BY_ID["no-version-disclosed"](with_headers(**header)).outcome is outcome


def test_cookies_that_lack_flags_are_named_with_what_they_lack() -> None:
    """Each cookie stands by name; a profile may ask for fewer flags."""
    http = SCENES["cookies"]
    assert cookies_flagged(http).measured == ("half: HttpOnly, SameSite", "plain: Secure, HttpOnly, SameSite")
    assert cookies_flagged(http, flags=("Secure",)).measured == ("plain: Secure",)


def redirecting(url: str) -> Http:
    """The redirecting server with another target; hand-made."""
    scheme, _, rest = url.partition("://")
    target = Redirect(url=url, scheme=scheme, host=rest.split("/")[0])
    return SCENES["to-https"].model_copy(update={"redirect": Answer[Redirect | None](seen=target)})


@pytest.mark.parametrize(
    ("endpoints", "outcome"),
    [
        ((), UNCLEAR),
        (("https://www.web.test/",), PASS),
        (("https://www.web.test:8443/app",), PASS),
        (("https://[::1]:8443/", "https://www.web.test/x"), PASS),
        (("http://www.web.test/",), UNCLEAR),
        (("https://www.web.test.evil.test/",), UNCLEAR),
    ],
)
def test_a_redirect_to_another_host_passes_only_if_it_is_declared(endpoints: tuple[str, ...], outcome: Outcome) -> None:
    """HTTPS on a host that nobody declared is out of scope, not a pass."""
    verdict = http_redirects_to_https(redirecting("https://www.web.test/"), Declared(endpoints=endpoints))
    assert verdict.outcome is outcome
    assert verdict.cause is (Cause.OUT_OF_SCOPE if outcome is UNCLEAR else None)


def test_one_endpoint_in_clear_fails_the_system_and_a_hole_keeps_it_from_passing() -> None:
    """A fail may rest on part; a pass may not."""
    good, clear, hole = (
        SubjectResult(SYSTEM, SCENES["good"]),
        SubjectResult(SYSTEM, SCENES["clear"]),
        SubjectResult(SYSTEM, None, Cause.TIMEOUT),
    )

    def outcome(*pages: SubjectResult[Any]) -> Outcome:
        return every_web_endpoint_encrypted.evaluate([Every(pages)], {}).outcome

    assert outcome(good) is PASS
    assert outcome(good, clear, hole) is FAIL
    assert outcome(good, hole) is UNCLEAR
    assert outcome() is UNCLEAR
