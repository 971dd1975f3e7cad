from __future__ import annotations

from inspector import Quantity, TableAt, Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import is_https
from inspector_http.headers import HSTS, hsts_directives, hsts_max_age
from inspector_http.observations import Http
from inspector_http.preload import PreloadList

YEAR_SECONDS = 31_536_000


def _is_https(http: Http, _preload: TableAt[PreloadList] | None) -> Verdict | None:
    return is_https(http)


@check(
    "hsts-preload-eligible",
    title="HSTS with preload meets the conditions of the browsers' preload list",
    references=("RFC 6797 §12.3", "hstspreload.org, Submission Requirements"),
    applies=_is_https,
    needs=(),
)
def hsts_preload_eligible(http: Http, preload: TableAt[PreloadList] | None) -> Verdict:
    """Browsers come with a list of names that they request over HTTPS alone, from the first visit on. ``preload`` asks
    for a place there, which a name gets and keeps only with ``includeSubDomains`` and a ``max-age`` of a year.

    Whether the name is on the list is told where a table ``hsts-preload`` was imported that is not too old: none comes
    along. The list takes registrable domains.

    Remediation: send ``Strict-Transport-Security: max-age=31536000; includeSubDomains; preload`` at the registrable
    domain once every name below it is served over HTTPS, or leave out ``preload``: to leave the list takes months.
    """
    values = [header.value for header in http.all_headers if header.name == HSTS]
    directives = hsts_directives(values[0]) if values else None
    if directives is None or "preload" not in directives:
        http.require_page()
        return not_applicable("does not ask for a place on the preload list", facts=("/headers",))
    facts = (http.headers_fact,)
    age, year = hsts_max_age(values[0]) or 0, Quantity(value=YEAR_SECONDS, unit="second")
    if age < YEAR_SECONDS:
        measured = Quantity(value=age, unit="second")
        return failed(
            "asks for the preload list with a max-age of {measured}; at least {threshold} is required",
            measured=measured,
            threshold=year,
            facts=facts,
        )
    if "includesubdomains" not in directives:
        return failed("asks for the preload list without includeSubDomains", facts=facts)
    if preload is None:
        return passed(
            "meets the conditions of the preload list with its header; whether {host} is on the list is unknown: no "
            "table hsts-preload that is recent enough",
            host=http.host,
            facts=facts,
        )
    dated = preload.table.dated.isoformat()
    if entry := preload.entries.entry_of(http.host):
        return passed(
            "meets the conditions of the preload list with its header; {entry} is on the list of {date}",
            entry=entry,
            date=dated,
            facts=facts,
        )
    return passed(
        "meets the conditions of the preload list with its header; {host} is not on the list of {date}",
        host=http.host,
        date=dated,
        facts=facts,
    )
