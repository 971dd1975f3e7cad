"""The totals of many plans: what a run asks of how many addresses, and how long that takes at the authorised rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from inspector.declare.authorisation import Authorisation
from inspector.plan.pace import pace_of
from inspector.record.plan import Plan


class PlanTotals:
    """Sums over the plans that were added; systems that share an address share its rate.

    ``connections`` and ``port_questions`` are upper bounds, ``seconds`` that of all plans one after the other.
    """

    def __init__(self) -> None:
        self.systems = 0
        self.connections = 0
        self.port_questions = 0
        self.seconds = 0
        self._seconds: dict[str, int] = defaultdict(int)

    def add(self, plan: Plan, authorisations: Iterable[Authorisation]) -> None:
        """Add the plan of one system."""
        self.systems += 1
        self.connections += plan.bounds.connections
        self.port_questions += plan.bounds.port_questions
        self.seconds += plan.bounds.seconds
        for address, pace in pace_of(plan.tasks, authorisations).items():
            self._seconds[address] += pace.seconds

    @property
    def addresses(self) -> int:
        """The number of addresses of targets."""
        return len(self._seconds)

    @property
    def busiest(self) -> tuple[str, int]:
        """The address whose rates take longest, and these seconds: no run is shorter. Empty without an address."""
        return max(self._seconds.items(), key=lambda each: each[1], default=("", 0))
