"""One enumeration of a server on loopback, through the real gateway."""

from __future__ import annotations

from inspector import Cost, Network, ParseContext, Raw, ScanOutput, Scheme, SubjectKind, Target, probe
from inspector.testing import run_probe
from inspector_tls.enumeration.analysis.tls import read_transcript
from inspector_tls.enumeration.probe import transcript_of
from inspector_tls.enumeration.scheduler import AT_ONCE, enumerate_endpoint
from inspector_tls.enumeration.strategy.context import EVERY_PART
from inspector_tls.enumeration.transcript import Mode, Transcript
from inspector_tls.observations import Tls
from tests.plugins.inspector_tls.enumeration.simulated import PLAIN

HOST = "www.example.vn"


def parse(output: ScanOutput, _context: ParseContext) -> Tls:
    """The facts in the raw lines."""
    return read_transcript(transcript_of(output))


@probe(
    "enumeration",
    kind=Tls,
    schemes={Scheme("tls")},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse,
    cost=Cost(connections=400, seconds=120),
)
async def enumerated(
    _target: Target,
    network: Network,
    *,
    server_name: str | None = HOST,
    fast: bool = False,
    extra: bool = True,
    at_once: int = AT_ONCE,
    seconds: int = 10,
    most: int = 400,
) -> ScanOutput:
    """Enumerate the target."""
    found = await enumerate_endpoint(
        network,
        server_name=server_name,
        mode=Mode.FAST if fast else Mode.ECONOMICAL,
        parts=EVERY_PART if extra else PLAIN,
        at_once=at_once,
        answer_seconds=seconds,
        most_connections=most,
    )
    # Of every server in any test: what was parsed on the way is what the bytes show.
    assert found.facts == read_transcript(found.transcript)
    about, data = found.transcript.stored()
    return ScanOutput(raw=(Raw(name="transcript.json", data=about), Raw(name="messages", data=data)))


def enumerate_port(port: int, **options: object) -> tuple[Tls, Transcript]:
    """What is seen of the server on this port, and the exchanges that show it."""
    scan = run_probe(enumerated, f"tls://{HOST}:{port}", **options)
    transcript = transcript_of(scan.output)
    return scan.seen(Tls), transcript
