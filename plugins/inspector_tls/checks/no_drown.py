"""No SSL 2.0 that opens newer versions (DROWN)."""

from collections.abc import Iterable

from inspector import Every, SubjectKind, SubjectResult, Verdict, check, failed, passed
from inspector_tls.observations import Tls, TlsVersion


@check(
    "no-drown",
    title="No endpoint of the system offers SSL 2.0",
    about=SubjectKind.SYSTEM,
    references=("CVE-2016-0800", "RFC 6176"),
)
def no_drown(tls: Every[Tls]) -> Verdict:
    """A server that speaks SSL 2.0 answers questions by which recorded sessions of TLS can be opened: its own, and
    those of every other server with the same RSA key (DROWN). Those with the same certificate are named, too.

    Remediation: switch SSL 2.0 off everywhere, on mail servers as well; give endpoints keys of their own.
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
    return passed("none offers SSL 2.0", facts=_places(tls.seen))


def _leaves(tls: Tls) -> set[str]:
    return {chain[0] for chain in tls.served}


def _places(items: Iterable[SubjectResult[Tls]]) -> list[str]:
    return sorted({" ".join(filter(None, (item.subject.uri, item.subject.address))) for item in items})
