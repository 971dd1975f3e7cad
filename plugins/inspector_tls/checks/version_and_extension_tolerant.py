"""Hellos of today and tomorrow are taken."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Tls, TlsVersion

_MESSAGES = {
    "many_suites": "does not take a hello with more than 128 suites",
    "unknown_values": "does not take a hello with values that it does not know",
    "long_hello": "does not take a hello of two kilobytes",
    "future_version": "does not take a hello that announces a newer version",
}


@check(
    "version-and-extension-tolerant",
    title="The server takes hellos that are longer or newer than itself",
    references=("RFC 8701", "RFC 5246 §E.1", "RFC 9325 §3.1"),
)
def version_and_extension_tolerant(tls: Tls) -> Verdict:
    """A server must pass over what it does not know. One that breaks off instead locks out new clients, those with
    post-quantum key shares for instance, or makes them fall back to an older version.

    Remediation: update the TLS library, or the device in front of the server that reads the hellos.
    """
    asked = [name for name in _MESSAGES if name != "many_suites" or not _is_tls_1_3_alone(tls)]
    for name in asked:
        if getattr(tls.tolerance, name).seen is False:
            return failed(_MESSAGES[name], facts=f"/tolerance/{name}")
    for name in asked:
        _ = getattr(tls.tolerance, name).value
    return passed("takes them", facts=[f"/tolerance/{name}" for name in asked])


def _is_tls_1_3_alone(tls: Tls) -> bool:
    """Whether it speaks TLS 1.3 and refuses all else; there are too few suites of TLS 1.3 for a long list."""
    return tls.versions.all.accepted == (TlsVersion.TLS_1_3,) and not tls.versions.all.unseen
