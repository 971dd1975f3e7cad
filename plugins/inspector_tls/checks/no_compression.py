"""CRIME: TLS compression (CVE-2012-4929)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Part, Tls


@check(
    "no-compression",
    title="TLS compression is disabled (CRIME)",
    references=("CVE-2012-4929", "RFC 9325 §3.3"),
    needs=(Part.EXTENSIONS,),
)
def no_compression(tls: Tls) -> Verdict:
    """With compression the length of encrypted data depends on its content: a script of the attacker in the victim's
    browser can guess a cookie byte by byte (CRIME).

    Remediation: update the TLS library, or disable TLS compression; in OpenSSL ``Options = -Compression``.
    """
    compresses = tls.extensions.compression.value
    if compresses is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/compression")
    if compresses:
        return failed("accepts DEFLATE compression", facts="/extensions/compression")
    return passed("does not compress", facts="/extensions/compression")
