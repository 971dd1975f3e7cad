"""Forward secrecy of cipher suites."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, has_forward_secrecy
from inspector_tls.observations import Part, Tls


@check(
    "forward-secrecy-only",
    title="Only cipher suites with forward secrecy are offered",
    references=("RFC 9325 §4.1", "RFC 9325 §7.3"),
    needs=(Part.SUITES,),
)
def forward_secrecy_only(tls: Tls) -> Verdict:
    """Without forward secrecy an attacker who records traffic today and obtains the private key of the server years
    later can decrypt all of it. RSA key exchange is also the target of padding oracle attacks (ROBOT, DROWN).

    Remediation: accept only suites with ECDHE or DHE; in an OpenSSL cipher list add ``!kRSA:!kPSK``.
    """
    static = accepted_suites(tls, lambda suite: not has_forward_secrecy(suite))
    if static:
        return failed("accepts {measured}", measured=static)
    return passed("accepts only cipher suites with forward secrecy", facts=every_suite(tls))
