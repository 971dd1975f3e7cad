"""name-in-national-domain: the host name is below the country's top-level domain."""

from inspector import Verdict, check, failed, passed
from inspector_dns.observations import NameRecords


@check(
    "name-in-national-domain", title="Host name is in the national domain", references=("Decree 224/2026 Art. 11.4",)
)
def name_in_national_domain(names: NameRecords, *, suffixes: tuple[str, ...] = ("vn",)) -> Verdict:
    """Citizens recognise the pages of state bodies by their domain, which is registered under the law of the country
    and cannot be bought by anybody else.

    Remediation: serve the portal under a name below ``.vn``, for state bodies below ``gov.vn``, and redirect the old
    name.
    """
    if any(names.host == each or names.host.endswith(f".{each}") for each in suffixes):
        return passed("the name is {measured}", measured=names.host, facts="host")
    message = "the name {measured} is not below {threshold}"
    return failed(message, measured=names.host, threshold=list(suffixes), facts="host")
