"""DROWN: SSL 2.0 with a shared RSA key (CVE-2016-0800)."""

from collections.abc import Iterable

from inspector import Every, SubjectKind, SubjectResult, Verdict, check, failed, passed
from inspector_tls.observations import Part, Tls, TlsVersion


@check(
    "no-drown",
    title="SSL 2.0 is disabled on every endpoint (DROWN)",
    about=SubjectKind.SYSTEM,
    references=("CVE-2016-0800", "RFC 6176"),
    needs=(Part.SUITES,),
)
def no_drown(tls: Every[Tls]) -> Verdict:
    """A server that supports SSL 2.0 is an oracle with which recorded TLS sessions can be decrypted: its own, and those
    of every other server with the same RSA key (DROWN). Endpoints that present the same certificate are named as well.

    Remediation: disable SSL 2.0 on every endpoint, mail servers included, and do not share private keys between
    endpoints.
    """
    old = [item for item in tls.seen if item.value[TlsVersion.SSL_2].accepted.seen]
    if old:
        keys = {leaf for item in old for leaf in _leaves(item.value)}
        others = [item for item in tls.seen if item not in old and not keys.isdisjoint(_leaves(item.value))]
        if others:
            return failed(
                "{measured} offers SSL 2.0, and {others} presents the same certificate",
                measured=_places(old),
                others=_places(others),
            )
        return failed("{measured} offers SSL 2.0", measured=_places(old))
    for each in tls:
        _ = each[TlsVersion.SSL_2].accepted.value
    return passed("no endpoint offers SSL 2.0", facts=_places(tls.seen))


def _leaves(tls: Tls) -> set[str]:
    return {chain[0] for chain in tls.served}


def _places(items: Iterable[SubjectResult[Tls]]) -> list[str]:
    return sorted({" ".join(filter(None, (item.subject.uri, item.subject.address))) for item in items})
