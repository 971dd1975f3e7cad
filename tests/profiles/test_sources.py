"""Sources in prose are translated; bare citations are the same in both languages."""

import re

from inspector.model.language import Language
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.report.messages import catalogue

#: A citation: document names, numbers and dates, with nothing but a joining word between them.
CITATION = re.compile(
    r"(RFC|BCP|CVE|CWE|NIST|OWASP|CIS Controls|CA/Browser|WHATWG|W3C|Law|Decree|Circular|Directive)[ -][^;]*"
    r"(; (RFC|W3C) [^;]*)*\Z"
)
PROSE = re.compile(r"\b(asks|lists|read|seen|suggested|inferred|unclear|declared|packaged|annex, section)\b")


def test_every_source_in_prose_has_its_vietnamese() -> None:
    """Every source that is more than a citation has a Vietnamese translation."""
    translated = catalogue("inspector_profiles", Language.VI)
    missing = set()
    for regime in load_all(installed().profiles):
        sources = {each.source for each in (*regime.documents.values(), *regime.clauses, *regime.requirements)}
        for source in sources - set(translated):
            if source and (PROSE.search(source) or not CITATION.match(source)):
                missing.add(source)
    assert missing == set()
