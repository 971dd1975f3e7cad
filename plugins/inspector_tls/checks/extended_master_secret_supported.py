"""Keys that are bound to one handshake."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls


@check(
    "extended-master-secret-supported",
    title="The server binds keys to the handshake that made them",
    references=("RFC 7627", "RFC 9325 §3.5"),
)
def extended_master_secret_supported(tls: Tls) -> Verdict:
    """Without the extended master secret two connections can be made to share their keys, so that who sits between them
    joins them and passes on proofs that were meant for him (triple handshake).

    Remediation: update the TLS library; OpenSSL knows the extension from 1.1.0 on.
    """
    known = tls.extensions.extended_master_secret.value
    if known is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/extended_master_secret")
    if not known:
        return failed("does not answer with the extension", facts="/extensions/extended_master_secret")
    return passed("answers with the extension", facts="/extensions/extended_master_secret")
