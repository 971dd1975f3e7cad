"""Scans that several inspections of a run have in common: made once, recorded in each.

Systems that share an address ask it the same questions. The first inspection that comes to one scans; the others wait
for it and take its output, and the ledger of each lists the connections under its own authorisation. Whose
authorisation did not cover one of them at its instant, or permits only a lower rate, scans for itself; so does whoever
waited for a scan whose result is only the scanning inspection's: one that was cancelled, or was refused something. The
fingerprints of secrets in a result are keyed anew by each that takes it (ADR 39).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inspector.declare.authorisation import Rates
from inspector.model.base import now
from inspector.model.observation import ScanOutput
from inspector.network import Network, strictest
from inspector.network.pacing.admission import ConnectionLog
from inspector.network.shared_questions import SharedQuestions

#: Names a task: its probe, and the key of its subject.
TaskKey = tuple[str, str, str, str]


@dataclass(eq=False, slots=True)
class SharedScan:
    """A scan that other inspections may take; ``output`` is None until it has ended, and where they may not."""

    question: Callable[[], str]
    log: ConnectionLog
    began: datetime = field(default_factory=now)
    ended_at: datetime = field(default_factory=now)
    output: ScanOutput | None = None
    ended: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SharedScans:
    """The scans of one run, in one event loop. They are kept until no open inspection has their task any more.

    A question is a digest of all that a scan depends on: probe, options, subject, what is declared of its host, and the
    observations that it needs; it is worked out where there is another one to compare it with.
    """

    def __init__(self) -> None:
        #: The questions to resolvers that scans of the run have in common.
        self.questions = SharedQuestions()
        self._participants: defaultdict[TaskKey, dict[object, Rates]] = defaultdict(dict)
        self._tasks: dict[object, list[TaskKey]] = {}
        self._scans: defaultdict[TaskKey, list[SharedScan]] = defaultdict(list)

    def join(self, participant: object, tasks: Mapping[TaskKey, Rates]) -> None:
        """An inspection begins that has these tasks, and may ask at these rates."""
        self._tasks[participant] = list(tasks)
        for key, rates in tasks.items():
            self._participants[key][participant] = rates

    def leave(self, participant: object) -> None:
        """An inspection has ended, or was interrupted."""
        for key in self._tasks.pop(participant, ()):
            del self._participants[key][participant]
            if not self._participants[key]:
                del self._participants[key]
                self._scans.pop(key, None)

    async def find(
        self, question: Callable[[], str], task: TaskKey, network: Network, not_before: datetime | None = None
    ) -> SharedScan | None:
        """Another inspection's scan that answers the question, and that did not begin before an instant.

        Its connections are then in the ledger of this inspection. None: it has to scan itself. Raises ScanFailure when
        it may not scan any more.
        """
        tried: set[SharedScan] = set()
        while True:
            scan = next(
                (
                    each
                    for each in self._scans.get(task, ())
                    if each.question() == question()
                    and each not in tried
                    and (not_before is None or each.began >= not_before)
                    and network.permits(each.log.rates)
                ),
                None,
            )
            if scan is None:
                return None
            tried.add(scan)
            if not scan.ended.done():
                await network.follow(scan.ended)
            if scan.output is not None and network.adopt(scan.log):
                return scan

    def begin(self, question: Callable[[], str], task: TaskKey, network: Network) -> SharedScan | None:
        """This inspection scans now, at the strictest rates of all that have the task; None where none has joined."""
        participants = self._participants.get(task)
        if not participants or network.rates is None:
            return None
        rates = strictest(network.rates, *participants.values())
        scan = SharedScan(question, network.share(rates))
        self._scans[task].append(scan)
        return scan

    def end(self, task: TaskKey, scan: SharedScan, output: ScanOutput | None) -> None:
        """The scan has ended; without output others may not take its result."""
        scan.ended_at = now()
        scan.output = output
        if scan.output is None and scan in (kept := self._scans.get(task, [])):
            kept.remove(scan)
        if not scan.ended.done():
            scan.ended.set_result(None)
