"""How a finger service is asked."""

from inspector import Answer, Network, ParseContext, Raw, ScanOutput, Scheme, SubjectKind, Target, probe
from inspector_finger.observations import Finger

FINGER = Scheme("finger", port=79)


def parse_finger(output: ScanOutput, context: ParseContext) -> Finger:
    """The first word of every line under the heading."""
    lines = (output.named("answer") or b"").decode("ascii", "replace").splitlines()
    return Finger(users=Answer(seen=tuple(line.split()[0] for line in lines[1:] if line.strip())))


@probe("finger", kind=Finger, schemes={FINGER}, subject_kind=SubjectKind.ADDRESS, parse=parse_finger)
async def finger(target: Target, network: Network) -> ScanOutput:
    """Ask for everybody (RFC 1288 §2.3, query {C})."""
    stream = await network.connect()
    await stream.write(b"\r\n")
    answer = b""
    while part := await stream.read():
        answer += part
    return ScanOutput(raw=(Raw(name="answer", data=answer, media_type="text/plain"),))
