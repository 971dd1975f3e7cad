"""Passwords that clients send before TLS."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.starttls.logins import ANNOUNCING
from inspector_tls.starttls.observations import StartTls

#: The mechanisms and commands that send the password, or a token in its place, as it is.
_IN_CLEAR = frozenset({"PLAIN", "LOGIN", "USER", "OAUTHBEARER", "XOAUTH2"})


@check(
    "no-login-in-clear",
    title="Log-in in clear text is not offered before TLS",
    references=("RFC 4954 §9", "RFC 9051 §6.2.3", "RFC 8314 §4.1"),
)
def no_login_in_clear(starttls: StartTls) -> Verdict:
    """A client that logs in before TLS sends its password for everybody on the path to read; one that is set to use TLS
    only where it is offered does so as soon as an attacker removes the offer. Only what the server announces is
    judged: nobody logs in, and FTP, LDAP and databases announce nothing.

    Remediation: accept log-ins inside TLS only.
    """
    if starttls.scheme not in ANNOUNCING:
        return not_applicable("servers of this protocol do not announce their log-ins")
    in_clear = tuple(each for each in starttls.logins.value if each in _IN_CLEAR)
    if in_clear:
        return failed("offers log-in in clear text before TLS: {measured}", measured=in_clear, facts="/logins")
    return passed("offers no log-in in clear text before TLS", facts="/logins")
