"""Parsers that tests run in this process and in workers."""

import os
import re

from inspector import Answer, Cause, ParseContext, ScanFailure, ScanOutput
from tests.core.systems import Sensor


def good(output: ScanOutput, context: ParseContext) -> Sensor:
    return Sensor(online=Answer(seen=True))


def endless(output: ScanOutput, context: ParseContext) -> Sensor:
    while True:
        pass


def backtracking(output: ScanOutput, context: ParseContext) -> Sensor:
    """One call into C without end."""
    return Sensor(online=Answer(seen=re.match(r"(a+)+$", "a" * 60 + "b") is None))


def meaningless(output: ScanOutput, context: ParseContext) -> Sensor:
    raise ValueError("not a word")


def refused(output: ScanOutput, context: ParseContext) -> Sensor:
    raise ScanFailure(Cause.REFUSED, "closed")


def failing(output: ScanOutput, context: ParseContext) -> Sensor:
    raise RuntimeError("ours")


def crashing(output: ScanOutput, context: ParseContext) -> Sensor:
    """Ends its process."""
    os.abort()
