from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_content
from inspector_http.caching import may_be_shared
from inspector_http.headers import shorten
from inspector_http.observations import Http


@check(
    "cookie-pages-not-cached",
    title="Pages that set cookies are kept out of shared caches",
    references=("RFC 9111 §3", "RFC 9111 §4.2.2", "RFC 9111 §7.3"),
    applies=serves_content,
    needs=(),
)
def cookie_pages_not_cached(http: Http) -> Verdict:
    """A shared cache, of a provider or in front of the server, that keeps a page with its cookie gives the session of
    one visitor to the next. That a reply sets a cookie keeps no cache from storing it.

    Without a lifetime caches may guess one. ``private``, ``no-store`` and ``no-cache`` prevent it, and so does a
    lifetime of zero.

    Remediation: send ``Cache-Control: no-store`` with every page that sets a cookie or shows what is not public.
    """
    sets = [header for header in http.headers.value if header.name == "set-cookie"]
    kept = {each.name for each in http.cookies.value}
    names = sorted({name for each in sets if (name := each.value.partition("=")[0].strip()) in kept})
    if not names:
        return not_applicable("the page sets no cookie", facts=("/cookies",))
    control = ", ".join(each for each in http.field("cache-control") if each)
    if may_be_shared(http.headers.value):
        if not control:
            return failed(
                "sets {measured}, and shared caches may keep the page: no Cache-Control prevents it",
                measured=names,
                facts=("/headers",),
            )
        return failed(
            "sets {measured}, and shared caches may keep the page: Cache-Control is {control}",
            measured=names,
            control=shorten(control),
            facts=("/headers",),
        )
    return passed("sets {measured}, and shared caches do not reuse the page", measured=names, facts=("/headers",))
