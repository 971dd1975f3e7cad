"""Fingerprints of secrets in the output of a scan that several inspections share: each has its own in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.model.observation import ScanOutput

_RUN = re.compile(rb"[0-9a-f]{12,}")


def replaced_runs(output: ScanOutput, others: Mapping[str, str]) -> ScanOutput:
    """The output with some runs of hexadecimal digits replaced by others of the same length, wherever they occur.

    A fingerprint that its probe altered is left: its key was that of one scan, and is known to nobody any more.
    """
    known = {run.encode(): other.encode() for run, other in others.items()}

    def replaced(data: bytes) -> bytes:
        return _RUN.sub(lambda run: known.get(run[0], run[0]), data)

    def text(given: str) -> str:
        return replaced(given.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    failure = output.failure
    return output.model_copy(
        update={
            "raw": tuple(each.model_copy(update={"data": replaced(each.data)}) for each in output.raw),
            "failure": failure and failure.model_copy(update={"detail": text(failure.detail)}),
            "gaps": tuple(
                each.model_copy(update={"question": text(each.question), "detail": text(each.detail)})
                for each in output.gaps
            ),
            "discovered": tuple(
                each.model_copy(update={"uri": text(each.uri), "why": text(each.why)}) for each in output.discovered
            ),
        }
    )
