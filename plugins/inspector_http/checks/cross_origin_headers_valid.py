from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_content
from inspector_http.headers import shorten
from inspector_http.observations import Http
from inspector_http.structured import item_token

#: The values that browsers know, by field.
KNOWN = {
    "cross-origin-opener-policy": {
        *("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
    },
    "cross-origin-embedder-policy": {"require-corp", "credentialless", "unsafe-none"},
    "cross-origin-resource-policy": {"same-origin", "same-site", "cross-origin"},
}


@check(
    "cross-origin-headers-valid",
    title="Cross-Origin-Opener-, -Embedder- and -Resource-Policy have values that browsers know",
    references=("HTML Standard §7.1.3", "HTML Standard §7.1.4", "Fetch Standard, Cross-Origin-Resource-Policy header"),
    applies=serves_content,
    needs=(),
)
def cross_origin_headers_valid(http: Http) -> Verdict:
    """These headers keep pages of other sites in processes of their own, out of reach of attacks on shared memory.
    Browsers ignore a value that they do not know, in other case, or sent twice: whoever relies on it is not protected.

    Remediation: ``Cross-Origin-Opener-Policy: same-origin``, ``Cross-Origin-Embedder-Policy: require-corp`` and
    ``Cross-Origin-Resource-Policy: same-origin``, each once and as far as the site bears it.
    """
    sent = {name: values for name in KNOWN if (values := http.field(name))}
    if not sent:
        return not_applicable("sends none of these headers", facts=("/headers",))
    unknown = [f"{name}: {shorten(', '.join(values))}" for name, values in sent.items() if not _is_known(name, values)]
    if unknown:
        return failed("sends values that browsers ignore: {measured}", measured=unknown, facts=("/headers",))
    known = [f"{name}: {values[0]}" for name, values in sent.items()]
    return passed("sends {measured}", measured=[shorten(each) for each in known], facts=("/headers",))


def _is_known(name: str, values: tuple[str, ...]) -> bool:
    """A resource policy has no parameters: it is no structured field."""
    token = ", ".join(values) if name == "cross-origin-resource-policy" else item_token(values)
    return token in KNOWN[name]
