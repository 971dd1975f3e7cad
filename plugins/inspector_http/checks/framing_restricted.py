from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.headers import admits_anybody, denies_foreign_frames, frame_ancestors, shorten
from inspector_http.observations import Http


@check(
    "framing-restricted",
    title="Foreign pages cannot show this page in a frame",
    references=("CSP Level 3 §6.4.2", "HTML Standard §7.7.1", "RFC 7034"),
)
def framing_restricted(http: Http) -> Verdict:
    """A page inside a foreign frame can receive clicks that its user believes to give elsewhere (clickjacking).

    A ``frame-ancestors`` directive overrides X-Frame-Options; ALLOW-FROM is ignored by today's browsers.

    Remediation: send ``Content-Security-Policy: frame-ancestors 'self'`` (or ``'none'``), and for old browsers
    ``X-Frame-Options: SAMEORIGIN``.
    """
    if http.is_shut:
        return not_applicable("nothing answers there", facts=("/speaks",))
    if http.redirect.value is not None:
        return not_applicable("only redirects elsewhere")
    if not http.is_page:
        return not_applicable("is no page that a frame could show")
    ancestors = frame_ancestors(http.field("content-security-policy"))
    if ancestors:
        if all(admits_anybody(sources) for sources in ancestors):
            listed = shorten(" ".join(ancestors[0]))
            return failed(
                "lets frames of any site in: frame-ancestors {measured}", measured=listed, facts=("/headers",)
            )
        return passed("frame-ancestors names who may frame the page", facts=("/headers",))
    options = http.field("x-frame-options")
    if not options:
        return failed("sends neither frame-ancestors nor X-Frame-Options", facts=("/headers",))
    if not denies_foreign_frames(options):
        return failed(
            "sends X-Frame-Options that browsers ignore: {measured}",
            measured=shorten(", ".join(options)),
            facts=("/headers",),
        )
    return passed("X-Frame-Options keeps foreign frames out", facts=("/headers",))
