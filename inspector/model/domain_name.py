"""Internationalised domain names: IDNA 2008 (RFC 5890 to 5893) with the mapping of UTS 46, never its transitional one.

Packets go to A-labels; U-labels are for people, and stand beside them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from inspector.model.escaping import escape_control
from inspector.model.formatted import FormattedMessage

#: Octets of one label, and of a name without its final dot (RFC 1035 §2.3.4).
LABEL_OCTETS = 63
NAME_OCTETS = 253
_A_LABEL = "xn--"
#: Names of servers may have underscores, too: resolvers and browsers accept them.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]+(?<!-)\Z")
_NAME_WITH_A_LABEL = re.compile(r"(?<![a-z0-9_-])(?:[a-z0-9_-]+\.)*xn--[a-z0-9-]+(?:\.[a-z0-9_-]+)*", re.IGNORECASE)
#: Bidirectional categories that make a label right-to-left (RFC 5893 §1.4).
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


class BadName(ValueError):
    """A text that is no domain name; the message is ``what; what to do``."""


def a_labels(text: str) -> str:
    """A domain name in lower-case A-labels, without the final dot.

    Upper case, other widths and the full stops of other scripts are mapped (UTS 46 §4); ``ß``, ``ς`` and joiners are
    letters of their own. Raises BadName: for characters, directions or A-labels that IDNA 2008 does not allow, for
    empty labels, labels over 63 octets and names over 253.
    """
    labels = _mapped(text).removesuffix(".").split(".")
    if any(not label.isascii() or label.startswith(_A_LABEL) for label in labels):
        labels = _encoded(text, labels)
    name = ".".join(labels)
    if not all(map(_LABEL.match, labels)):
        raise BadName(
            FormattedMessage("{text} is neither a domain name nor an IP address; check its spelling", text=repr(text))
        )
    if len(name) > NAME_OCTETS or any(len(label) > LABEL_OCTETS for label in labels):
        raise _too_long(text)
    return name


def u_labels(name: str) -> str:
    """The name with its A-labels as U-labels; a label that is no A-label is unchanged."""
    return ".".join(map(_u_label, name.split(".")))


def with_u_labels(text: str) -> str:
    """``text`` for people: the names with A-labels in it are written once more behind it, in U-labels.

    The A-labels stay, because different U-labels may look the same. Invisible characters in U-labels are escaped.
    """
    if _A_LABEL not in text.lower():
        return text
    names = [found.group() for found in _NAME_WITH_A_LABEL.finditer(text)]
    readable = [shown for name in dict.fromkeys(names) if (shown := u_labels(name)) != name]
    return f"{text} ({escape_control(', '.join(readable), keep='')})" if readable else text


def _mapped(text: str) -> str:
    """The name in lower case, and as UTS 46 maps it."""
    if text.isascii():
        return text.lower()
    import idna

    try:
        return idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        raise _not_allowed(text) from None


def _encoded(text: str, labels: Sequence[str]) -> list[str]:
    """The labels as A-labels; raises BadName unless each is valid, and all together (RFC 5893 §2)."""
    readable = [_decoded(text, label) for label in labels]
    _check_directions(text, readable)
    return [_a_label(text, label) for label in readable]


def _decoded(text: str, label: str) -> str:
    """The U-label of an A-label; any other label is unchanged. Raises BadName for a fake one (RFC 5890 §2.3.2.1)."""
    if not (label.isascii() and label.startswith(_A_LABEL)):
        return label
    decoded = _u_label(label)
    if decoded == label:
        raise BadName(
            FormattedMessage(
                "{text} has a label that is no A-label of IDNA 2008, {label}; check its spelling",
                text=repr(text),
                label=repr(label),
            )
        )
    return decoded


def _u_label(label: str) -> str:
    """The U-label of a valid A-label, which encodes to it again; any other label is unchanged."""
    import idna

    if not label.lower().startswith(_A_LABEL):
        return label
    try:
        decoded = idna.ulabel(label)
        again = idna.alabel(decoded).decode("ascii")
    except UnicodeError:
        return label
    return decoded if again == label.lower() else label


def _a_label(text: str, label: str) -> str:
    """The A-label of a valid U-label; an ASCII label is unchanged. Raises BadName."""
    if label.isascii():
        return label
    if len(label) > LABEL_OCTETS:  # its A-label is longer still
        raise _too_long(text)
    import idna

    try:
        idna.check_label(label)
    except idna.IDNABidiError:
        raise _wrong_direction(text) from None
    except idna.IDNAError:
        raise _not_allowed(text) from None
    return _A_LABEL + label.encode("punycode").decode("ascii")


def _check_directions(text: str, labels: Iterable[str]) -> None:
    """In a name with a right-to-left label, every label must obey the Bidi rule (RFC 5893 §1.4, §2)."""
    import idna

    checked = tuple(labels)
    if not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for label in checked for character in label):
        return
    try:
        for label in checked:
            if not label or label.startswith("_"):  # of a service, not of a host (RFC 8552)
                continue
            idna.check_bidi(label, check_ltr=True)
    except idna.IDNAError:
        raise _wrong_direction(text) from None


def _not_allowed(text: str) -> BadName:
    return BadName(
        FormattedMessage(
            "{text} has a character that IDNA 2008 does not allow in its place; check its spelling", text=repr(text)
        )
    )


def _too_long(text: str) -> BadName:
    return BadName(
        FormattedMessage(
            "{text} is longer than a domain name, {name} octets with at most {label} in each label; check its spelling",
            text=repr(text),
            name=NAME_OCTETS,
            label=LABEL_OCTETS,
        )
    )


def _wrong_direction(text: str) -> BadName:
    return BadName(
        FormattedMessage(
            "{text} mixes directions of writing as RFC 5893 does not allow; check its spelling", text=repr(text)
        )
    )
