from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_html
from inspector_http.csp import ENFORCED, allows_any_site, frame_ancestors
from inspector_http.headers import denies_cross_origin_frames, shorten
from inspector_http.observations import Http


@check(
    "framing-restricted",
    title="Framing by other sites is restricted (CSP frame-ancestors or X-Frame-Options)",
    references=("CSP Level 3 §6.4.2", "HTML Standard §7.7.1", "RFC 7034"),
    applies=serves_html,
    needs=(),
)
def framing_restricted(http: Http) -> Verdict:
    """A page that another site shows in a frame can be made to receive clicks that its user did not intend
    (clickjacking).

    A ``frame-ancestors`` directive overrides X-Frame-Options; today's browsers ignore ALLOW-FROM.

    Remediation: send ``Content-Security-Policy: frame-ancestors 'self'`` (or ``'none'``), and for old browsers
    ``X-Frame-Options: SAMEORIGIN``.
    """
    ancestors = frame_ancestors(http.field(ENFORCED))
    if ancestors:
        if all(allows_any_site(sources) for sources in ancestors):
            listed = shorten(" ".join(ancestors[0]))
            return failed("frame-ancestors allows any site: {measured}", measured=listed, facts=("/headers",))
        return passed("frame-ancestors restricts which sites may frame the page", facts=("/headers",))
    options = http.field("x-frame-options")
    if not options:
        return failed("sends neither frame-ancestors nor X-Frame-Options", facts=("/headers",))
    if not denies_cross_origin_frames(options):
        return failed(
            "sends an X-Frame-Options that browsers ignore: {measured}",
            measured=shorten(", ".join(options)),
            facts=("/headers",),
        )
    return passed("X-Frame-Options restricts framing by other sites", facts=("/headers",))
