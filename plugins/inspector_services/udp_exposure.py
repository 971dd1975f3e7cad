"""Verdicts about questions that a service is not to answer for a stranger."""

from __future__ import annotations

from collections.abc import Mapping

from inspector import Answer, Cause, Verdict, failed, inconclusive, passed
from inspector_services.udp_observations import Handling


def first_cause(answers: Mapping[str, Answer[Handling]]) -> Cause | None:
    """The cause of the first question whose end was not seen; None when all were."""
    return next((answer.unseen for answer in answers.values() if answer.unseen is not None), None)


def answered(answers: Mapping[str, Answer[Handling]]) -> tuple[str, ...]:
    """The names of the questions that were answered."""
    return tuple(name for name, answer in answers.items() if answer.seen is Handling.ANSWERED)


def none_answered(answers: Mapping[str, Answer[Handling]], facts: tuple[str, ...]) -> Verdict:
    """Pass when each of these questions, by name, was refused or ignored, or met a closed port."""
    if found := answered(answers):
        return failed("answers a stranger: {measured}", measured=found, facts=facts)
    cause = first_cause(answers)
    if cause is not None:
        unseen = [name for name, answer in answers.items() if answer.unseen is not None]
        return inconclusive("whether it answers was not seen: {measured}", measured=unseen, cause=cause)
    return passed("does not answer a stranger: {measured}", measured=tuple(answers), facts=facts)
