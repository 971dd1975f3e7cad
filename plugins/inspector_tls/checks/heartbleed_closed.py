"""No memory is given away (Heartbleed)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.vulnerabilities.observations import TlsAttacks


@check("heartbleed-closed", title="The server is closed to Heartbleed", references=("CVE-2014-0160", "RFC 6520 §4"))
def heartbleed_closed(attacks: TlsAttacks) -> Verdict:
    """A server open to Heartbleed hands out its memory to anybody, keys and passwords included, and leaves no trace.

    Remediation: update OpenSSL, restart what uses it, then replace the keys and certificates and change the passwords
    that passed through the server.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    if attacks.heartbleed.value:
        return failed("answers a heartbeat that it must discard", facts="/heartbleed")
    return passed("discards the heartbeat, or knows none", facts="/heartbleed")
