"""What a finding does to the exit code, which reports for pipelines show."""

from __future__ import annotations

from enum import StrEnum


class Standing(StrEnum):
    """What a finding does to the exit code, and what keeps a failure or an unseen requirement out of it."""

    FAILS = "fails"
    UNSEEN = "unseen"
    BELOW = "below"
    BASELINE = "baseline"
    EXCUSED = "excused"
    NOT_YET_DUE = "not-yet-due"
    LEFT_OUT = "left-out"
    NOTHING = "nothing"
