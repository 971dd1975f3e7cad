"""Remedies of checks about pages: each, applied to a site that fails its check, makes it pass."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from inspector import Cause, Outcome, Verdict
from inspector.registry.registry import installed
from inspector.report.remedies import PlacedLines, gathered
from tests.plugins.inspector_http.configurations.inspection import inspect
from tests.plugins.inspector_http.configurations.model import Configuration, Entry
from tests.plugins.inspector_services.servers import own_address
from tests.remedies.test_remedies import all_remedies
from tests.remedies.websites import EVERYTHING, NAME, SITES, Served, serving, site_of

TRIED = [(product, check, remedy) for check, product, remedy in all_remedies() if check in SITES and remedy.tried]
PRODUCTS = sorted({product for product, _, _ in TRIED})
#: A folder that is not listed any more answers 403, so that there is no page to see.
LEAVES_NO_PAGE = {"no-directory-listing": Cause.BLOCKED}
#: Checks about plain HTTP, and about a folder.
_OTHER_SITES = {"http-redirects-directly", "http-redirects-to-https", *LEAVES_NO_PAGE}
#: By product: the remedies for one site that fails every other check.
TOGETHER = {
    product: [
        (check, other, remedy)
        for check, other, remedy in all_remedies()
        if other == product and check not in _OTHER_SITES and installed().package_of(check) == "inspector_http"
    ]
    for product in PRODUCTS
}
#: The site that fails them.
_TOGETHER = "together"
#: Where no server setting makes a check pass, and why.
WITHOUT_REMEDY: Mapping[str, str] = {
    "cookies-end": "a rule cannot tell a cookie that is too old from one that is being removed",
    "every-web-endpoint-encrypted": "HTTPS needs a certificate for the name",
    "http-versions-agree": "the setting that differs is another one on each server",
    "https-reachable": "HTTPS needs a certificate for the name",
    "incident-address-published": "the address is the site's own",
    "login-form-protected": "where the form leads is written in the page",
    "no-debug-page": "the mode for development is one of the application; behind a page of the server it is not seen",
    "no-default-page": "the site itself takes the place of the page",
    "no-third-party-content": "what it loads is written in the page",
    "page-generator-without-version": "the element is written in the page",
    "page-libraries-supported": "the libraries are the application's",
    "third-party-scripts-verified": "the hash is written in the page",
    "vulnerability-contact-published": "contact and date are the site's own",
    "web-no-backup-console": "a firewall closes its port, and then nothing is recognised",
    "web-no-hypervisor": "a firewall closes its port, and then nothing is recognised",
    "web-no-known-exploited-product": "an update, which depends on where the product came from",
    "web-no-vpn-gateway": "its page is what recognises it, and has to be reachable",
    "web-products-supported": "an update, which depends on where the product came from",
}
#: By product and site, and by check.
Verdicts = Mapping[tuple[str, str], Mapping[str, Verdict]]


class _Site(Configuration):
    @property
    def url(self) -> str:
        """The URL of its page, on another host than that of other tests."""
        return f"{self.entry.scheme}://{NAME}:{self.port}/"


def _inspected(product: str, served: list[Served], address: str) -> dict[str, dict[str, Verdict]]:
    """All verdicts on the sites, by the name of the site."""
    asked = [
        _Site(entry=Entry(name=each.check, scheme=each.site.scheme, granted=True), server="raw", port=each.port)
        for each in served
    ]
    with serving(product, served, address):
        found = inspect(asked, address)
    return {each.entry.name: found[each.id] for each in asked}


def _served(product: str, *, mended: bool) -> list[Served]:
    tried = [(check, remedy) for other, check, remedy in TRIED if other == product]
    (found,) = gathered(TOGETHER[product])
    together = Served(_TOGETHER, EVERYTHING, 21999, found.blocks if mended else ())
    return [
        together,
        *(
            Served(
                check,
                site_of(product, check),
                21000 + number,
                (PlacedLines(remedy.place, remedy.lines),) if mended else (),
            )
            for number, (check, remedy) in enumerate(tried)
        ),
    ]


@pytest.fixture(scope="module")
def verdicts() -> Mapping[bool, Verdicts]:
    """All verdicts by product and site, and by whether the remedies were applied: two processes of each product."""
    address = own_address()
    return {
        mended: {
            (product, site): found
            for product in PRODUCTS
            for site, found in _inspected(product, _served(product, mended=mended), address).items()
        }
        for mended in (False, True)
    }


@pytest.mark.parametrize(("product", "check"), [each[:2] for each in TRIED])
def test_a_remedy_makes_its_check_pass(product: str, check: str, verdicts: Mapping[bool, Verdicts]) -> None:
    """The check fails without the lines of the remedy, and with them it does not."""
    unmended, mended = (verdicts[each][product, check][check] for each in (False, True))
    assert unmended.outcome is Outcome.FAIL, unmended
    if check in LEAVES_NO_PAGE:
        assert (mended.outcome, mended.cause) == (Outcome.INCONCLUSIVE, LEAVES_NO_PAGE[check]), mended
    else:
        assert mended.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), mended


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_block_of_a_report_makes_all_checks_pass(product: str, verdicts: Mapping[bool, Verdicts]) -> None:
    """What a report gathers for a site with nearly every failure can be copied as a whole, and leaves none."""
    before, after = (verdicts[each][product, _TOGETHER] for each in (False, True))
    failed = {check for check, _, _ in TOGETHER[product] if before[check].outcome is Outcome.FAIL}
    assert len(failed) >= 17, failed
    left = {check: after[check] for check, _, _ in TOGETHER[product] if check in after}
    assert {each.outcome for each in left.values()} <= {Outcome.PASS, Outcome.NOT_APPLICABLE}, left


def test_every_check_has_a_remedy_or_a_reason() -> None:
    """A check of web pages has settings for some product, or the table says why there are none."""
    registry = installed()
    checks = {each for each in registry.checks if registry.package_of(each) == "inspector_http"}
    assert checks - {check for check, _, _ in all_remedies()} == WITHOUT_REMEDY.keys()
