"""Names between text and dnspython, which by itself makes A-labels of IDNA 2003: those may be another domain's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.model.domain_name import a_labels

if TYPE_CHECKING:
    import dns.name


def dns_name(text: str) -> dns.name.Name:
    """The name that a text in presentation format, or in U-labels, means; raises ValueError or DNSException."""
    import dns.name

    return dns.name.from_text(text if text.isascii() else a_labels(text))


def dns_name_text(name: dns.name.Name) -> str:
    """A name in the form of questions: lower case, without the final dot, ``.`` for the root."""
    return name.canonicalize().to_text(omit_final_dot=True)
