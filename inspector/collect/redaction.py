"""What has the form of a secret is replaced in the texts that a probe returns, before they are parsed and kept.

Probes mask the free texts of servers themselves (``inspector.masked``), for only they know which bytes are one. This
holds for every probe, so that a form that one of them forgets is not kept either. Facts are parsed from what is left:
what is kept gives the same facts again.
"""

from __future__ import annotations

from inspector.model.observation import FailureNote, Raw, ScanOutput
from inspector.network.redaction import without_secrets

#: Media types of text; in bytes of a binary protocol the same pattern would be chance.
_TEXTS = ("text/", "application/json", "application/xml")
#: Texts of more bytes are no replies of servers but files of tools, and are kept as they are.
_MOST_BYTES = 4 << 20


def redacted_raw(output: ScanOutput) -> ScanOutput:
    """The output with its texts redacted."""
    return output.model_copy(update={"raw": tuple(map(_raw, output.raw))})


def _raw(raw: Raw) -> Raw:
    if not raw.media_type.startswith(_TEXTS) or len(raw.data) > _MOST_BYTES:
        return raw
    data = without_secrets(raw.data)
    return raw if data == raw.data else raw.model_copy(update={"data": data})


def redacted_notes(output: ScanOutput) -> ScanOutput:
    """The output with the reasons redacted that it gives: for its failure, its gaps, and what it discovered."""
    if not (output.failure or output.gaps or output.discovered):
        return output
    return output.model_copy(
        update={
            "failure": output.failure and _note(output.failure),
            "gaps": tuple(each.model_copy(update={"detail": _text(each.detail)}) for each in output.gaps),
            "discovered": tuple(each.model_copy(update={"why": _text(each.why)}) for each in output.discovered),
        }
    )


def _note(note: FailureNote) -> FailureNote:
    return note.model_copy(update={"detail": _text(note.detail)})


def _text(text: str) -> str:
    return without_secrets(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
