"""Heartbleed (CVE-2014-0160)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_sslyze.observations import TlsAttacks


@check("heartbleed-closed", title="Not vulnerable to Heartbleed", references=("CVE-2014-0160", "RFC 6520 §4"))
def heartbleed_closed(attacks: TlsAttacks) -> Verdict:
    """A server vulnerable to Heartbleed discloses its memory to anyone, keys and passwords included, without a trace.

    Remediation: update OpenSSL, restart what uses it, then replace the keys and certificates and change the passwords
    that passed through the server.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    if attacks.heartbleed.value:
        return failed("answers a heartbeat that it must discard", facts="/heartbleed")
    return passed("discards the malformed heartbeat, or does not support heartbeats", facts="/heartbleed")
