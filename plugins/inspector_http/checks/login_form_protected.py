from __future__ import annotations

from inspector import Declared, Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import cut_off, serves_html
from inspector_http.observations import Http, is_local
from inspector_http.upgrade import upgrades_insecure_requests
from inspector_http.urls import hosts, uri_of


@check(
    "login-form-protected",
    title="Login form is shown and sent over HTTPS, to a declared host",
    references=("OWASP ASVS 4.0.3 V9.1.1", "CWE-319"),
    needs=(),
)
def login_form_protected(http: Http, declared: Declared) -> Verdict:
    """A password that is sent in clear text can be read on the path, and a form that came in clear text can be made to
    send it anywhere. A form that sends it to a host of somebody else gives it away.

    Every form with a password field is read, as it is in the page: where scripts send it is not seen.

    Remediation: serve the page of the login over HTTPS alone, let the form lead to HTTPS on the same site, and declare
    the host of a common login as an endpoint.
    """
    other = serves_html(http)
    if other is not None:
        return other
    page = http.page.value
    if not page.logins:
        return cut_off(page) or not_applicable("the page has no password field", facts=("/page",))
    if http.scheme == "http":
        return failed(
            "a page with a password field comes over plain HTTP: {measured}", measured=http.url, facts=("/page",)
        )
    clear = [each for each in page.logins if each.startswith("http://") and not is_local(uri_of(each).host)]
    if clear and not upgrades_insecure_requests(http):
        return failed("sends the password over plain HTTP to {measured}", measured=clear, facts=("/page",))
    known = hosts(declared.endpoints)
    away = [each for each in page.logins if each and page.is_foreign(host := uri_of(each).host) and host not in known]
    if away:
        return failed("sends the password to a host that is not declared: {measured}", measured=away, facts=("/page",))
    sent_to = [each for each in page.logins if each]
    return cut_off(page) or passed("sends the password to {measured}", measured=sent_to, facts=("/page",))
