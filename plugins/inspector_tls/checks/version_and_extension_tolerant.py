"""Tolerance of long hellos and of unknown versions, suites and extensions."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Part, Tls, TlsVersion

_MESSAGES = {
    "many_suites": "rejects a ClientHello with more than 128 cipher suites",
    "unknown_values": "rejects a ClientHello with unknown values (GREASE)",
    "long_hello": "rejects a ClientHello of two kilobytes",
    "future_version": "rejects a ClientHello with a newer version",
}


@check(
    "version-and-extension-tolerant",
    title="Unknown TLS versions, extensions and long hellos are tolerated",
    references=("RFC 8701", "RFC 5246 §E.1", "RFC 9325 §3.1"),
    needs=(Part.SUITES, Part.TOLERANCE),
)
def version_and_extension_tolerant(tls: Tls) -> Verdict:
    """A server must ignore values that it does not know (RFC 8701). One that aborts the handshake instead locks out new
    clients, for instance those with post-quantum key shares, or makes them fall back to an older version.

    Remediation: update the TLS library, or the device in front of the server (load balancer, firewall) that parses the
    ClientHello.
    """
    asked = [name for name in _MESSAGES if name != "many_suites" or not _is_tls_1_3_alone(tls)]
    for name in asked:
        if getattr(tls.tolerance, name).seen is False:
            return failed(_MESSAGES[name], facts=f"/tolerance/{name}")
    for name in asked:
        _ = getattr(tls.tolerance, name).value
    return passed("tolerates unknown values and long hellos", facts=[f"/tolerance/{name}" for name in asked])


def _is_tls_1_3_alone(tls: Tls) -> bool:
    """Whether it accepts TLS 1.3 only: TLS 1.3 has too few suites for a list of more than 128."""
    return tls.versions.all.accepted == (TlsVersion.TLS_1_3,) and not tls.versions.all.unseen
