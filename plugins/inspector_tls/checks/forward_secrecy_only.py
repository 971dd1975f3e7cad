"""Recorded traffic stays closed when a key is stolen."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, has_forward_secrecy
from inspector_tls.observations import Tls


@check(
    "forward-secrecy-only",
    title="Every accepted suite has forward secrecy",
    references=("RFC 9325 §4.1", "RFC 9325 §7.3"),
)
def forward_secrecy_only(tls: Tls) -> Verdict:
    """Without forward secrecy whoever records the traffic today and gets hold of the server's key years later reads all
    of it. RSA key exchange is also what padding oracles (ROBOT, DROWN) attack.

    Remediation: accept only suites with ECDHE or DHE; in OpenSSL's notation add ``!kRSA:!kPSK``.
    """
    static = accepted_suites(tls, lambda suite: not has_forward_secrecy(suite))
    if static:
        return failed("accepts {measured}", measured=static)
    return passed("accepts only suites with forward secrecy", facts=every_suite(tls))
