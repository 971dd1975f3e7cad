"""The journal of campaigns: a database with every campaign and job, written before what it says happens.

That of the embedded engine is one SQLite file; ``postgres_journal`` has the one that several machines share.

A commit is on the disk when it returns (``synchronous=FULL``), so that after ``kill -9`` or a power failure each job is
as the last commit left it. Any number of processes may write: one runs the jobs, others enqueue, pause and read.
Requests are stored once compressed; authorisations and their address blocks, which many systems share, by digest.
Jobs of a campaign with the same hours and rank are one queue, of which the index gives the first job without looking at
the others: the event loop waits for no more than that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import zstandard

from inspector.declare.authorisation import Authorisation
from inspector.engine.engine import Enqueued, Job, JobState, JobStatus, NotInspected, Terms
from inspector.engine.journal_database import JournalDatabase, SqliteDatabase
from inspector.model.base import canonical, digest, now
from inspector.model.errors import EngineError
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.request import InspectionRequest

#: The name of the file.
JOURNAL = "journal.sqlite3"
#: A job that waited for so long comes before what is one rank above it: a day.
SECONDS_PER_RANK = 86_400
#: The members of a list that is given as JSON.
_LIST = "(SELECT value FROM json_each(CAST(? AS TEXT)))"
#: How often a job whose capture cannot be continued is tried in all.
MOST_ATTEMPTS = 3
#: How many jobs are added in one transaction, for whose end the process that runs jobs waits.
AT_ONCE = 200


class CampaignState:
    """The states of a campaign in the journal; one whose jobs are being added is not seen."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CLOSED = "closed"
    ALL = (RUNNING, PAUSED, STOPPED, CLOSED)


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as the journal has it. ``refused`` counts what was refused because it was known already."""

    terms: Terms
    document: bytes
    at: datetime
    state: str
    is_paused_now: bool
    refused: int


#: What a job is known by: campaign, system, attempt.
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that begins now."""

    campaign: str
    system: str
    attempt: int
    run: str
    request: InspectionRequest
    authorisations: tuple[str, ...]
    hours: str

    @property
    def key(self) -> Key:
        """What the job is known by."""
        return self.campaign, self.system, self.attempt


@dataclass(frozen=True, slots=True)
class Hours:
    """The jobs whose authorisations permit packets at the same hours: how they are named, and these authorisations."""

    campaign: str
    key: str


def run_of(campaign: str, system: str, attempt: int) -> str:
    """The run in whose folder the inspections of an organisation's systems are, for one attempt."""
    organisation = system.rpartition("/")[0]
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in organisation)
    if plain != organisation or len(plain) > 80:
        plain = f"{plain[:60]}-{digest(organisation.encode())[:8]}"
    return f"{campaign}.{plain}.{attempt}"


class _MalformedRecord(Exception):
    """A record of the journal is damaged."""


@contextmanager
def errors_of(name: str, failures: tuple[type[Exception], ...], remedy: str) -> Iterator[None]:
    """Turn an error of a database into an EngineError that names it and what to do."""
    try:
        yield
    except (_MalformedRecord, *failures) as error:  # type: ignore[misc]  # which mypy does not unpack
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
        reason = reason.splitlines()[0] if reason else type(error).__name__
        if isinstance(error, UnicodeDecodeError) or "malformed" in reason or "not a database" in reason:
            remedy = "move the file away and start the campaign under a new id; sealed inspections are in the archive"
        raise EngineError(
            FormattedMessage("{file}: the journal of campaigns cannot be used: {reason}", file=name, reason=reason),
            remedy=remedy,
        ) from error


class Journal:
    """The journal in a folder, which is made where it is missing. Every method raises EngineError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        with errors_of(str(self.path), SqliteDatabase.failures, SqliteDatabase.remedy):
            self._db: JournalDatabase = SqliteDatabase(self.path)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def is_in_place(self) -> bool:
        """Whether the archive is still the folder that was opened. Raises OSError where there is none."""
        return self._db.is_in_place()

    def _errors(self) -> AbstractContextManager[None]:
        """Turn an error of the database or the disk into an EngineError that names it and what to do."""
        return errors_of(self._db.name, self._db.failures, self._db.remedy)

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Turn what a damaged record raises, whose values the database does not check, into an error as of it."""
        with self._errors():
            try:
                yield
            except (ValueError, KeyError, TypeError, zstandard.ZstdError) as error:
                raise _MalformedRecord(f"a record is malformed: {str(error).splitlines()[0][:200]}") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that no other writer is in; all of the body is recorded, or nothing."""
        with self._errors(), self._db.transaction():
            yield

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._errors():
            return self._db.execute(query, values).fetchall()

    # --- Campaigns and jobs -------------------------------------------------------------------------------------------

    def enqueue(self, terms: Terms, jobs: Iterable[Job], document: bytes) -> Enqueued:
        """Add a campaign with its jobs, all of them or none; of one that is known nothing is changed."""
        prepared = _Prepared(terms.campaign)
        for job in jobs:
            prepared.add(job)
        with self._errors(), self._db.adding():  # one campaign is added after the other
            if not self._begin(terms, document, max(len(prepared.jobs), 1)):
                return Enqueued(0, max(len(prepared.jobs), 1))
            try:
                new = self._add(prepared)
                self._set(terms.campaign, CampaignState.RUNNING)
            except BaseException:
                with suppress(EngineError):
                    self._remove(terms.campaign)
                raise
        return Enqueued(new, len(prepared.jobs) - new)

    def _begin(self, terms: Terms, document: bytes, jobs: int) -> bool:
        """Record a campaign without its jobs, which nobody sees yet; False where it is known."""
        with self._writing():
            known = self._db.execute("SELECT state FROM campaign WHERE id = ?", [terms.campaign]).fetchone()
            if known is not None and known["state"] != CampaignState.STARTING:
                self._db.execute("UPDATE campaign SET refused = refused + ? WHERE id = ?", [jobs, terms.campaign])
                return False
        if known is not None:  # the process that added it was killed meanwhile
            self._remove(terms.campaign)
        with self._writing():
            values = [terms.campaign, terms.canonical(), document, _text(now()), CampaignState.STARTING]
            self._db.execute("INSERT INTO campaign (id, terms, document, at, state) VALUES (?, ?, ?, ?, ?)", values)
        return True

    def _add(self, prepared: _Prepared) -> int:
        """Record the jobs of a campaign; gives how many are new."""
        at, new = now(), 0
        with self._writing():
            kept = prepared.contents.items()
            self._db.execute_many("INSERT INTO content (digest, data) VALUES (?, ?) ON CONFLICT DO NOTHING", kept)
            queues = [(prepared.campaign, hours, rank, _seconds(at)) for hours, rank in prepared.queues]
            self._db.execute_many("INSERT INTO queue (campaign, hours, rank, enqueued) VALUES (?, ?, ?, ?)", queues)
        for begin in range(0, len(prepared.jobs), AT_ONCE):
            with self._writing():
                new += self._db.execute_many(
                    "INSERT INTO job (campaign, system, attempt, state, queue, cause, detail, due, position, "
                    "seconds, authorisations, run, request, changed) VALUES (:campaign, :system, :attempt, :state, "
                    "(SELECT id FROM queue WHERE campaign = :campaign AND hours = :hours AND rank = :rank), :cause, "
                    ":detail, :due, :position, :seconds, :authorisations, :run, :request, :changed) "
                    "ON CONFLICT DO NOTHING",
                    ({**each, "changed": _text(at)} for each in prepared.jobs[begin : begin + AT_ONCE]),
                )
        return new

    def _remove(self, campaign: str) -> None:
        """Remove a campaign that was not added whole."""
        with self._writing():
            for table in ("job", "queue"):
                self._db.execute(f"DELETE FROM {table} WHERE campaign = ?", [campaign])  # noqa: S608  (own names)
            self._db.execute("DELETE FROM campaign WHERE id = ?", [campaign])

    def _set(self, campaign: str, state: str, *, is_paused_now: bool = False) -> None:
        with self._writing():
            values = [state, int(is_paused_now), campaign]
            self._db.execute("UPDATE campaign SET state = ?, is_paused_now = ? WHERE id = ?", values)

    def _content(self, known: str) -> bytes:
        row = self._db.execute("SELECT data FROM content WHERE digest = ?", [known]).fetchone()
        if row is None:
            raise _MalformedRecord(f"content {known[:12]} is missing")
        return zstandard.decompress(row["data"])

    def hours(self, key: str) -> list[Mapping[str, object]]:
        """Validity and windows of the authorisations with this key of hours."""
        with self._decoding():
            found: list[Mapping[str, object]] = json.loads(self._content(key))
        return found

    def _request(self, stored: bytes, run: str) -> InspectionRequest:
        with self._decoding():
            data = json.loads(zstandard.decompress(stored))
            authorisations = []
            for bare, blocks in data["authorisations"]:
                each = Authorisation.parse(self._content(bare))
                covers = each.covers.model_copy(update={"blocks": tuple(json.loads(self._content(blocks)))})
                authorisations.append(each.model_copy(update={"covers": covers}))
            request = InspectionRequest.parse(canonical(data["request"]))
        return request.model_copy(update={"authorisations": tuple(authorisations), "run": run})

    def campaigns(self) -> dict[str, CampaignRow]:
        """Every campaign, in the order in which they were started."""
        with self._decoding():
            return {
                row["id"]: _campaign(row)
                for row in self._rows("SELECT * FROM campaign WHERE state != 'starting' ORDER BY at, id")
            }

    def campaign(self, known: str) -> CampaignRow:
        """One campaign. Raises EngineError where there is none of this id."""
        rows = self._rows("SELECT * FROM campaign WHERE id = ? AND state != 'starting'", known)
        if not rows:
            raise EngineError(
                FormattedMessage("there is no campaign {id}", id=repr(known)),
                remedy="'inspector campaign status' lists the campaigns that were started",
            )
        with self._decoding():
            return _campaign(rows[0])

    def set_state(self, campaign: str, state: str, *, now_too: bool = False) -> None:
        """Change the state of a campaign that is not closed. Raises EngineError."""
        before = self.campaign(campaign).state
        if before == CampaignState.CLOSED or (before == CampaignState.STOPPED and state != CampaignState.CLOSED):
            raise EngineError(
                FormattedMessage("campaign {id} was {state}", id=repr(campaign), state=before),
                remedy="inspect its systems in a new campaign",
            )
        self._set(campaign, state, is_paused_now=now_too)

    def stop(self, campaign: str) -> int:
        """Inspect no further system of a campaign; gives how many were waiting."""
        self.set_state(campaign, CampaignState.STOPPED)
        with self._writing():
            return self._leave_out(campaign, NotInspected.STOPPED, "state = 'waiting'")

    def withdraw(self, campaign: str, authorisation: str) -> int:
        """Send nothing more under this authorisation; gives how many systems were waiting."""
        self.campaign(campaign)
        under = "EXISTS (SELECT 1 FROM json_each(job.authorisations) WHERE value = ?)"
        with self._writing():
            values = [campaign, authorisation]
            self._db.execute(f"UPDATE job SET is_withdrawn = 1 WHERE campaign = ? AND {under}", values)  # noqa: S608
            return self._leave_out(campaign, NotInspected.WITHDRAWN, f"state = 'waiting' AND {under}", authorisation)

    def leave_out(self, campaign: str, cause: NotInspected, detail: str = "") -> int:
        """Inspect none of the systems that wait; gives how many there were."""
        with self._writing():
            return self._leave_out(campaign, cause, "state = 'waiting'", detail=detail)

    def _leave_out(self, campaign: str, cause: NotInspected, condition: str, *values: str, detail: str = "") -> int:
        cursor = self._db.execute(
            "UPDATE job SET state = 'not-inspected', cause = ?, detail = ?, changed = ? "  # noqa: S608  (own texts)
            f"WHERE campaign = ? AND {condition}",
            [cause, detail, _text(now()), campaign, *values],
        )
        return cursor.rowcount

    # --- Running ------------------------------------------------------------------------------------------------------

    def recover(self, detail: str, *, is_crash: bool) -> int:
        """Mark what a process left running as interrupted; only who runs the jobs may. Gives how many."""
        with self._writing():
            cursor = self._db.execute(
                "UPDATE job SET state = 'interrupted', detail = ?, deaths = deaths + ?, changed = ? "
                "WHERE state = 'running'",
                [detail, int(is_crash), _text(now())],
            )
            return cursor.rowcount

    def groups(self, campaigns: Collection[str]) -> list[Hours]:
        """The groups of jobs of these campaigns that may begin or go on, by their hours."""
        rows = self._rows(
            f"SELECT DISTINCT campaign, hours FROM queue WHERE campaign IN {_LIST} AND EXISTS "  # noqa: S608  (own text)
            "(SELECT 1 FROM job WHERE queue = queue.id AND state IN ('waiting', 'interrupted') AND is_withdrawn = 0)",
            json.dumps(list(campaigns)),
        )
        return [Hours(row["campaign"], row["hours"]) for row in rows]

    def claim(self, left: Mapping[Hours, float], at: datetime) -> Claim | None:
        """Begin the job that comes first, of the groups that have so many seconds left in their hours; None: no job.

        One rank is made up for by a day of waiting, so that none waits for ever. Of jobs of a rank those with a lower
        position come first, then the longest overdue. One that was running when a process ended comes last: it may be
        what ended it.
        """
        if not left:
            return None
        with self._writing():
            key = self._take(left, at)
            if key is None:
                return None
            row = self._db.execute(
                "SELECT job.*, queue.hours FROM job JOIN queue ON queue.id = job.queue "
                "WHERE job.campaign = ? AND system = ? AND attempt = ?",
                key,
            ).fetchone()
            request = self._request(row["request"], row["run"])
            with self._decoding():
                authorisations = tuple(json.loads(row["authorisations"]))
            self._db.execute(
                "UPDATE job SET state = 'running', tries = tries + 1, cause = NULL, detail = '', changed = ? "
                "WHERE campaign = ? AND system = ? AND attempt = ?",
                [_text(at), *key],
            )
        return Claim(*key, row["run"], request, authorisations, row["hours"])

    def _take(self, left: Mapping[Hours, float], at: datetime) -> Key | None:
        """The job that comes first; within a transaction."""
        found = self._first(left, at)
        return None if found is None else found[1]

    def first_rank(self, left: Mapping[Hours, float], at: datetime) -> int | None:
        """The rank, made up for by waiting, of the job that ``claim`` would begin; None: there is none."""
        with self._errors():
            found = self._first(left, at)
        return None if found is None else found[0]

    def _first(self, left: Mapping[Hours, float], at: datetime) -> tuple[int, Key] | None:
        """Rank and key of the job that comes first, of the groups that have so many seconds left."""
        queues: dict[int, list[tuple[int, float]]] = {}
        for row in self._db.execute(
            "SELECT queue.id, campaign, hours, rank, enqueued FROM queue "  # noqa: S608  (own text)
            f"JOIN campaign ON campaign.id = campaign WHERE state = 'running' AND campaign IN {_LIST}",
            [json.dumps(list({each.campaign for each in left}))],
        ):
            seconds = left.get(Hours(row["campaign"], row["hours"]))
            if seconds is not None:
                rank = max(0, row["rank"] - (_seconds(at) - row["enqueued"]) // SECONDS_PER_RANK)
                queues.setdefault(rank, []).append((row["id"], seconds))
        for rank, of_rank in sorted(queues.items()):
            found = [
                self._db.execute(
                    "SELECT deaths, position, due, system, attempt, campaign FROM job WHERE queue = ? AND state = ? "
                    "AND is_withdrawn = 0 AND seconds <= ? AND (not_before IS NULL OR not_before <= ?) "
                    "ORDER BY deaths, position, due, system LIMIT 1",
                    [queue, state, seconds, _seconds(at)],
                ).fetchone()
                for queue, seconds in of_rank
                for state in (JobState.WAITING, JobState.INTERRUPTED)
            ]
            columns = ("deaths", "position", "due", "system", "attempt", "campaign")
            first = min((tuple(each[name] for name in columns) for each in found if each is not None), default=None)
            if first is not None:
                *_, system, attempt, campaign = first
                return rank, (campaign, system, attempt)
        return None

    def running(self) -> dict[str, int]:
        """How many jobs run, by campaign."""
        rows = self._rows("SELECT campaign, count(*) AS number FROM job WHERE state = 'running' GROUP BY campaign")
        return {row["campaign"]: row["number"] for row in rows}

    def withdrawn(self) -> set[tuple[str, str]]:
        """Campaign and system of the jobs that run under an authorisation that was withdrawn."""
        rows = self._rows("SELECT campaign, system FROM job WHERE state = 'running' AND is_withdrawn = 1")
        return {(row["campaign"], row["system"]) for row in rows}

    def record(
        self,
        claim: Claim,
        state: JobState,
        *,
        detail: str = "",
        result: bytes | None = None,
        not_before: datetime | None = None,
    ) -> bool:
        """Record what became of a job. False, and nothing is changed, where its system has a result already."""
        with self._writing():
            sealed = self._db.execute(
                "SELECT 1 FROM job WHERE campaign = ? AND system = ? AND state = 'sealed'",
                [claim.campaign, claim.system],
            ).fetchone()
            if sealed is not None or not (state is JobState.SEALED or self._is_held(claim)):
                self._db.execute("UPDATE campaign SET refused = refused + 1 WHERE id = ?", [claim.campaign])
                self._refuse(claim)
                return False
            later = None if not_before is None else _seconds(not_before)
            self._db.execute(
                "UPDATE job SET state = ?, detail = ?, result = ?, not_before = ?, changed = ? "
                "WHERE campaign = ? AND system = ? AND attempt = ?",
                [state, detail[:2000], result, later, _text(now()), *claim.key],
            )
            self._settle(claim, state, not_before)
            return True

    def held(self) -> set[Key] | None:
        """The jobs that this process may go on with; None: every one that it has claimed."""
        return None

    def _is_held(self, claim: Claim) -> bool:  # noqa: ARG002  (no other process has claims)
        """Whether a job is still this process's; within a transaction, as the next two."""
        return True

    def _settle(self, claim: Claim, state: JobState, not_before: datetime | None) -> None:
        """A job that was running has this state now."""

    def _refuse(self, claim: Claim) -> None:
        """A job that was running has ended, and what became of it does not count."""

    def try_anew(self, claim: Claim) -> None:
        """Add the next attempt of a job that cannot be continued."""
        with self._writing():
            self._add_attempt(claim.key)

    def _add_attempt(self, key: Key) -> Key:
        """Add the next attempt of a job, within a transaction; gives its key."""
        campaign, system, attempt = key
        self._db.execute(
            "INSERT INTO job (campaign, system, attempt, state, queue, due, position, seconds, "
            "authorisations, is_withdrawn, run, request, changed) "
            "SELECT campaign, system, ?, 'waiting', queue, due, position, seconds, authorisations, is_withdrawn, "
            "?, request, ? FROM job WHERE campaign = ? AND system = ? AND attempt = ? ON CONFLICT DO NOTHING",
            [attempt + 1, run_of(campaign, system, attempt + 1), _text(now()), *key],
        )
        return campaign, system, attempt + 1

    # --- Reading ------------------------------------------------------------------------------------------------------

    def jobs(self, campaign: str) -> Iterator[JobStatus]:
        """The last state of every job of a campaign, each attempt, in the order of their systems."""
        with self._decoding():
            cursor = self._db.execute(
                "SELECT system, attempt, state, cause, detail, run, tries, changed, result FROM job WHERE campaign = ? "
                "ORDER BY system, attempt",
                [campaign],
            )
            for row in cursor:
                yield JobStatus(
                    system=row["system"],
                    attempt=row["attempt"],
                    state=JobState(row["state"]),
                    cause=None if row["cause"] is None else NotInspected(row["cause"]),
                    detail=row["detail"],
                    run=row["run"],
                    tries=row["tries"],
                    changed=datetime.fromisoformat(row["changed"]),
                    result=row["result"],
                )

    def counts(self, campaign: str) -> dict[JobState, int]:
        """How many systems are in each state, by the attempt that was sealed, else by their last one."""
        rows = self._rows(
            f"SELECT state, count(*) AS number FROM job WHERE state IN {_LIST} "  # noqa: S608  (own text)
            "AND campaign = ? GROUP BY state",
            json.dumps(list(JobState)),
            campaign,
        )
        superseded = self._rows(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM job AS other WHERE other.campaign = later.campaign "
            "AND other.system = later.system AND other.attempt < later.attempt AND other.state = 'sealed') "
            "THEN later.state ELSE earlier.state END AS state, count(*) AS number "
            "FROM job AS later JOIN job AS earlier ON earlier.campaign = later.campaign "
            "AND earlier.system = later.system AND earlier.attempt = later.attempt - 1 "
            "WHERE later.campaign = ? AND later.attempt > 1 GROUP BY 1",
            campaign,
        )
        with self._decoding():
            found = dict.fromkeys(JobState, 0) | {JobState(row["state"]): row["number"] for row in rows}
            for row in superseded:
                found[JobState(row["state"])] -= row["number"]
        return found

    # --- The schedule, and what was refused ---------------------------------------------------------------------------

    def schedule(self, known: str, document: bytes, path: str) -> bool:
        """Record a campaign that is repeated; False where it is known."""
        with self._writing():
            cursor = self._db.execute(
                "INSERT INTO schedule (id, document, path, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [known, document, path, _text(now())],
            )
            return cursor.rowcount == 1

    def scheduled(self) -> dict[str, bytes]:
        """The campaigns that are repeated, by id."""
        return {row["id"]: row["document"] for row in self._rows("SELECT id, document FROM schedule ORDER BY id")}

    def unschedule(self, known: str) -> bool:
        """Repeat a campaign no more; False where it is not repeated."""
        with self._writing():
            return self._db.execute("DELETE FROM schedule WHERE id = ?", [known]).rowcount == 1

    def count_refusal(self, what: str) -> int:
        """Count something that was refused; gives how often it was."""
        with self._writing():
            self._db.execute(
                "INSERT INTO refusal (what, number) VALUES (?, 1) "
                "ON CONFLICT (what) DO UPDATE SET number = refusal.number + 1",
                [what],
            )
            return int(self._db.execute("SELECT number FROM refusal WHERE what = ?", [what]).fetchone()["number"])


class _Prepared:
    """Jobs as they are stored, and the contents and queues that they refer to."""

    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        self._blocks: dict[tuple[str, ...], str] = {}
        self.contents: dict[str, bytes] = {}
        self.queues: set[tuple[str, int]] = set()
        self.jobs: list[dict[str, object]] = []

    def add(self, job: Job) -> None:
        """Add a job."""
        authorisations = () if job.request is None else job.request.authorisations
        hours = self._hours(each for each in authorisations if each.id in job.authorisations)
        self.queues.add((hours, job.rank))
        self.jobs.append(
            {
                "campaign": self.campaign,
                "system": job.system,
                "attempt": job.attempt,
                "state": JobState.NOT_INSPECTED if job.request is None else JobState.WAITING,
                "hours": hours,
                "rank": job.rank,
                "cause": job.cause,
                "detail": job.detail[:2000],
                "due": (job.due or date.max).isoformat(),
                "position": job.position,
                "seconds": job.seconds,
                "authorisations": json.dumps(sorted(job.authorisations)),
                "run": run_of(self.campaign, job.system, job.attempt),
                "request": None if job.request is None else self._stored(job.request),
            }
        )

    def _keep(self, data: bytes) -> str:
        known = digest(data)
        if known not in self.contents:
            self.contents[known] = zstandard.compress(data)
        return known

    def _hours(self, used: Iterable[Authorisation]) -> str:
        """The key of the hours of these authorisations."""
        fields = {"valid_from", "valid_until", "windows"}
        hours = sorted({canonical(each.model_dump(mode="json", include=fields)) for each in used})
        return self._keep(canonical([json.loads(each) for each in hours]))

    def _stored(self, request: InspectionRequest) -> bytes:
        """The request as it is stored: its authorisations, and the blocks of each, by digest."""
        kept = []
        for each in request.authorisations:
            blocks = each.covers.blocks
            if blocks not in self._blocks:
                self._blocks[blocks] = self._keep(canonical(list(blocks)))
            bare = each.model_copy(update={"covers": each.covers.model_copy(update={"blocks": ()})})
            kept.append([self._keep(bare.canonical()), self._blocks[blocks]])
        rest = request.model_copy(update={"authorisations": ()})
        return zstandard.compress(canonical({"request": rest.model_dump(mode="json"), "authorisations": kept}))


def _seconds(at: datetime) -> int:
    """An instant in whole seconds since 1970, for what is computed with; one that begins later is not rounded down."""
    return -int(-at.timestamp() // 1)


def _text(at: datetime) -> str:
    """An instant as it is stored; texts are in the order of their instants."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _campaign(row: Any) -> CampaignRow:
    """Raises ValueError."""
    if row["state"] not in CampaignState.ALL:
        raise ValueError(f"campaign {row['id']!r} has no known state")
    json.loads(row["document"] or b"{}")
    return CampaignRow(
        terms=Terms.parse(row["terms"]),
        document=row["document"],
        at=datetime.fromisoformat(row["at"]),
        state=row["state"],
        is_paused_now=bool(row["is_paused_now"]),
        refused=row["refused"],
    )
