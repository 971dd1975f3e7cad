"""Captures and judgements on disk: write, seal, sign, verify, read back."""

from inspector.bundle.bundle import Bundle, Judged
from inspector.bundle.hostile import FileFault
from inspector.bundle.index import Attempt, Index, State
from inspector.bundle.judging import add_judgement
from inspector.bundle.key import SigningKey
from inspector.bundle.verification import Comparison, Verification, verify
from inspector.bundle.writer import Writer

__all__ = [
    "Attempt",
    "Bundle",
    "Comparison",
    "FileFault",
    "Index",
    "Judged",
    "SigningKey",
    "State",
    "Verification",
    "Writer",
    "add_judgement",
    "verify",
]
