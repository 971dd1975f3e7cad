from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.observations import Exposure


@check(
    "no-private-path-exposed",
    title="Version control, settings, backups and consoles are not reachable on the web",
    references=("OWASP ASVS 4.0.3 V14.3.2", "OWASP WSTG-CONF-04", "CWE-538"),
)
def no_private_path_exposed(exposure: Exposure) -> Verdict:
    """Files that an installation left behind hold source code, passwords and data; programs look for them on every
    address all day.

    A short list of paths is asked for. A path counts by what its first bytes show, so that a page which a site shows
    for every path does not; what they hold is not kept.

    Remediation: keep such files outside of the folder that is served, deny paths that begin with a dot, and change
    every password that could be read.
    """
    exposed = [each.path for each in exposure.paths if each.is_exposed.seen]
    if exposed:
        return failed("gives away {measured}", measured=exposed, facts=("/paths",))
    for each in exposure.paths:
        _ = each.is_exposed.value
    return passed("gives away none of {count} paths", count=len(exposure.paths), facts=("/paths",))
