from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_html
from inspector_http.headers import elements
from inspector_http.observations import Http

WHOLE_URL = {"no-referrer-when-downgrade", "unsafe-url"}
ORIGIN = {"origin", "origin-when-cross-origin", "strict-origin", "strict-origin-when-cross-origin"}
NOTHING = {"no-referrer", "same-origin"}


@check(
    "referrer-policy-set",
    title="Referrer-Policy hides URLs from other sites",
    references=("Referrer Policy §3",),
    applies=serves_html,
    needs=(),
)
def referrer_policy_set(http: Http) -> Verdict:
    """Paths and queries may hold names and numbers; without a policy some browsers send them to every linked site.

    Remediation: send ``Referrer-Policy: strict-origin-when-cross-origin``.
    """
    known = [each for each in elements(http.field("referrer-policy")) if each in WHOLE_URL | ORIGIN | NOTHING]
    if not known:
        return failed("sends no Referrer-Policy that browsers know", facts=("/headers",))
    if known[-1] in WHOLE_URL:
        return failed("other sites receive whole URLs: {measured}", measured=known[-1], facts=("/headers",))
    return passed("Referrer-Policy is {measured}", measured=known[-1], facts=("/headers",))
