"""The plan as a bundle stores it: pinned hosts, scan tasks, cost bounds, limits of the vantage."""

from __future__ import annotations

from typing import Any

from inspector.model.base import Cause, Model
from inspector.model.subject import Subject, SubjectKind


class PinnedHost(Model):
    """What a name resolves to, fixed for the whole inspection; ``cnames`` in the order followed."""

    name: str
    addresses: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    failure: Cause | None = None
    detail: str = ""


class CostBounds(Model):
    """Upper bounds of a plan or a scan task: connections and port questions to targets, seconds of wall time.

    ``infrastructure_questions`` are DNS questions to resolvers and name servers, those of the plan with the ones to
    name servers that its scans discover.
    """

    connections: int = 0
    port_questions: int = 0
    infrastructure_questions: int = 0
    seconds: int = 0


class ScanTask(Model):
    """One scan that is planned, or that will not run: then ``cause`` says why.

    ``authorisation`` is the id of the one that covers it; None for scans that send the target no packet.
    """

    probe: str
    subject: Subject
    endpoint: str | None = None
    options: dict[str, Any] = {}
    wave: int = 0
    authorisation: str | None = None
    bounds: CostBounds = CostBounds()
    cause: Cause | None = None
    detail: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The identity of the task within one inspection."""
        return (self.probe, *self.subject.key)


class VantageLimit(Model):
    """Something that this vantage cannot see at all, stated once instead of in every finding."""

    id: str
    detail: str
    addresses: tuple[str, ...] = ()


class AskedFinding(Model):
    """A requirement on one subject (its URI) that an inspection asks about again.

    ``endpoints`` are the declared ones that its evidence came from; empty: that is not known.
    """

    requirement: str
    subject: str
    endpoints: tuple[str, ...] = ()


class Selection(Model):
    """What of the regime an inspection asks about; empty fields select everything.

    ``only`` names plugins, probes or checks; ``tags`` are requirement tags (``--select``);
    ``within_seconds`` bounds the collection (``--within``). ``all_ports``: sweeps ask all 65,535 TCP ports, over
    several time windows where one is too short (``--all-ports``). ``findings``: only these (``--failed-in``), as in a
    re-inspection.
    """

    only: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    within_seconds: int | None = None
    all_ports: bool = False
    findings: tuple[AskedFinding, ...] = ()

    @property
    def limits(self) -> tuple[str, ...]:
        """What leaves something out: ``only:http``, ``select:smoke``, ``within:60s``, ``failed-in:3`` (findings)."""
        return (
            *(f"only:{name}" for name in self.only),
            *(f"select:{tag}" for tag in self.tags),
            *((f"within:{self.within_seconds}s",) if self.within_seconds is not None else ()),
            *((f"failed-in:{len(self.findings)}",) if self.findings else ()),
        )


class Plan(Model):
    """The scan tasks of an inspection, in waves, with upper bounds."""

    pins: tuple[PinnedHost, ...] = ()
    tasks: tuple[ScanTask, ...] = ()
    limits: tuple[VantageLimit, ...] = ()
    bounds: CostBounds = CostBounds()
    selection: Selection = Selection()

    @property
    def reaches_nothing(self) -> bool:
        """Whether every scan is left out, or looks up the names of a host that has no address.

        What a resolver says of such a name is an observation, but nothing is seen of any endpoint.
        """
        unresolved = {pin.name for pin in self.pins if not pin.addresses}
        left = [each.subject for each in self.tasks if each.cause is None]
        names_alone = all(each.kind is SubjectKind.HOST and each.host in unresolved for each in left)
        return bool(self.tasks) and names_alone
