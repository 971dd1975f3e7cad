"""Nothing is compressed before it is encrypted (CRIME)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls


@check("no-compression", title="TLS does not compress", references=("CVE-2012-4929", "RFC 9325 §3.3"))
def no_compression(tls: Tls) -> Verdict:
    """Compression makes the length of what is sent depend on what is in it: a page of a stranger can guess a cookie
    byte by byte (CRIME).

    Remediation: switch the compression of TLS off, or update the TLS library.
    """
    compresses = tls.extensions.compression.value
    if compresses is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/compression")
    if compresses:
        return failed("compresses with DEFLATE when asked to", facts="/extensions/compression")
    return passed("does not compress", facts="/extensions/compression")
