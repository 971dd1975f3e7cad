from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_content
from inspector_http.observations import CrossOrigin, Http

#: Methods that read pages and send forms, and ask for what is allowed.
NEEDED = ("GET", "HEAD", "OPTIONS", "POST")


@check(
    "methods-limited",
    title="Server lists no methods in Allow that a web page does not need",
    references=("RFC 9110 §9.1", "RFC 9110 §10.2.1", "OWASP ASVS 4.0.3 V14.5.1"),
    needs=(),
)
def methods_limited(http: Http, answers: CrossOrigin, *, needed: tuple[str, ...] = NEEDED) -> Verdict:
    """A method that no page uses is one more way in: PUT and DELETE change files, TRACE repeats what it was sent.

    ``Allow`` is what the server says of itself; none of these methods was tried.

    Remediation: allow only the methods that the site uses, and refuse OPTIONS, too, where no other site asks by it.
    """
    other = serves_content(http)
    if other is not None:
        return other
    methods = answers.methods.value
    if methods is None:
        return not_applicable("the reply to OPTIONS lists no methods", facts=("/methods",))
    unneeded = [each for each in methods if each not in needed]
    if unneeded:
        return failed("lists {measured}", measured=unneeded, threshold=needed, facts=("/methods",))
    return passed("lists {measured}", measured=methods, threshold=needed, facts=("/methods",))
