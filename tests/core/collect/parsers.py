"""Parsers that tests run in this process and in workers."""

import os
import re

from inspector import Answer, Cause, ParseContext, ScanFailure, ScanOutput
from tests.core.systems import Oven


def good(output: ScanOutput, context: ParseContext) -> Oven:
    return Oven(hot=Answer(seen=True))


def endless(output: ScanOutput, context: ParseContext) -> Oven:
    while True:
        pass


def backtracking(output: ScanOutput, context: ParseContext) -> Oven:
    """One call into C without end."""
    return Oven(hot=Answer(seen=re.match(r"(a+)+$", "a" * 60 + "b") is None))


def meaningless(output: ScanOutput, context: ParseContext) -> Oven:
    raise ValueError("not a word")


def refused(output: ScanOutput, context: ParseContext) -> Oven:
    raise ScanFailure(Cause.REFUSED, "closed")


def failing(output: ScanOutput, context: ParseContext) -> Oven:
    raise RuntimeError("ours")


def crashing(output: ScanOutput, context: ParseContext) -> Oven:
    """Ends its process."""
    os.abort()
