"""The engine on PostgreSQL: any number of processes on any number of machines run the jobs of one journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Never

from inspector.engine.embedded import POLL_SECONDS, EngineListener, JournalEngine, RunSetup
from inspector.engine.postgres_journal import PostgresJournal
from inspector.model.errors import EngineError
from inspector.network.postgresql import DatabaseSource

#: A worker that was not heard for so many seconds is taken for dead.
DEAD_AFTER_SECONDS = 30.0
#: Seconds after which a worker begins again that an error of the database or the archive ended, at most.
_MOST_PAUSE_SECONDS = 30.0


class PostgresEngine(JournalEngine):
    """Runs jobs of the journal in a database, beside other processes that do so; ``folder`` is of its own archive."""

    journal: PostgresJournal

    def __init__(
        self,
        folder: Path,
        source: DatabaseSource,
        setup: Callable[[bool], RunSetup],
        listener: EngineListener | None = None,
        dead_after: float = DEAD_AFTER_SECONDS,
    ) -> None:
        super().__init__(PostgresJournal(folder, source, dead_after), setup, listener)

    def exclusive(self) -> AbstractContextManager[None]:
        """Within the body this process is a worker; it takes only jobs that nobody else has."""
        return self.journal.working()

    def check_idle(self, campaign: str) -> None:
        """Raise EngineBusy where a worker that is heard inspects a system of the campaign."""
        self.journal.recover_dead()
        if self.journal.running().get(campaign):
            raise self._busy(campaign)

    def work(self, tick: Callable[[], object]) -> Never:
        """Run jobs as they come, until an interrupt; ``tick`` starts what is due.

        After an error of the database or the archive, of which the listener is told, it begins again.
        """
        pause = POLL_SECONDS
        while True:
            try:
                with self.exclusive():
                    while True:
                        tick()
                        self.run_once()
                        pause = POLL_SECONDS
                        time.sleep(POLL_SECONDS)
            except EngineError as error:
                self._listener.note(error.message)
                time.sleep(pause)
                pause = min(2 * pause, _MOST_PAUSE_SECONDS)
