"""The kit for plugin authors."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from inspector import (
    Answer,
    Cause,
    Every,
    Model,
    Network,
    Observation,
    Outcome,
    ParseContext,
    Raw,
    ScanOutput,
    Scheme,
    SubjectKind,
    SubjectResult,
    Target,
    probe,
)
from inspector.model.errors import ScanFailure, UsageError
from inspector.model.subject import SYSTEM
from inspector.testing import (
    assert_cases_complete,
    assert_translated,
    assert_unseen_never_good,
    assert_verdict,
    cases,
    record,
    run_probe,
    unseen_inputs,
    unseen_variants,
)


class Inner(Model):
    """A model with an answer."""

    fact: Answer[str | None]


class Outer(Observation):
    """Answers in every kind of place."""

    kind: ClassVar[str] = "outer/1"

    plain: int = 1
    one: Answer[bool]
    several: tuple[Inner, ...]
    named: dict[str, Inner]
    nested: Answer[Inner]


INNER = Inner(fact=Answer(seen=None))
UNSEEN = Inner(fact=Answer(unseen=Cause.RESET))
OUTER = Outer(one=Answer(seen=True), several=(INNER, UNSEEN), named={"a": INNER}, nested=Answer[Inner](seen=INNER))


def test_each_seen_answer_is_unseen_once() -> None:
    """Every answer that was seen gives one variant, at any depth, and nothing else changes."""
    late = Inner(fact=Answer(unseen=Cause.TIMEOUT))
    assert list(unseen_variants(OUTER)) == [
        OUTER.model_copy(update={"one": Answer(unseen=Cause.TIMEOUT)}),
        OUTER.model_copy(update={"several": (late, UNSEEN)}),
        OUTER.model_copy(update={"named": {"a": late}}),
        OUTER.model_copy(update={"nested": Answer[Inner](unseen=Cause.TIMEOUT)}),
        OUTER.model_copy(update={"nested": Answer[Inner](seen=late)}),
    ]


def test_inputs_lose_one_answer_or_one_observation() -> None:
    """Of a single observation and of each member of an Every there is a copy without it and one per answer."""
    whole, missing = SubjectResult(SYSTEM, OUTER), SubjectResult(SYSTEM, None, Cause.RESET)
    variants = list(unseen_inputs([whole, Every([whole, missing])], Cause.RESET))
    assert len(variants) == 2 * (1 + 5)
    assert variants[0][0] == missing
    assert [isinstance(one, Every) and one.missing for _, one in variants[6:7]] == [(missing, missing)]


class Banner(Observation):
    """What a server sends first."""

    kind: ClassVar[str] = "test-banner/1"

    text: str


def _read(output: ScanOutput, context: ParseContext) -> Banner:
    return Banner(text=(output.named("banner") or b"").decode())


@probe("test-banner", kind=Banner, schemes={Scheme("tcp")}, subject_kind=SubjectKind.ADDRESS, parse=_read)
async def banner(target: Target, network: Network, *, limit: int = 10) -> ScanOutput:
    """Read what a server sends first."""
    stream = await network.connect()
    return ScanOutput(raw=(Raw(name="banner", data=await stream.read(limit)),))


def test_a_run_through_the_gateway() -> None:
    """A probe runs against a real server, its options count, and the ledger has its connection."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _peer = listener.accept()
            with connection:
                connection.sendall(b"hello, world")

        server = threading.Thread(target=serve)
        server.start()
        port = listener.getsockname()[1]
        run = run_probe(banner, f"tcp://www.example.vn:{port}", limit=5)
        server.join()
    assert run.seen(Banner).text == "hello"
    assert [(each.address, each.port) for each in run.ledger] == [("127.0.0.1", port)]
    with pytest.raises(ScanFailure) as failure:
        run_probe(banner, f"tcp://www.example.vn:{port}").seen(Banner)
    assert failure.value.cause is Cause.REFUSED


def test_only_this_machine_is_probed() -> None:
    """The kit refuses an address that is not a loopback one."""
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        run_probe(banner, "tcp://www.example.vn:80", address="192.0.2.1")


# --- Cases ----------------------------------------------------------------------------------------------------------

PLUGIN = '''
from typing import ClassVar
from inspector import SubjectKind, Answer, Declared, Every, Observation, check, failed, inconclusive, passed
from inspector import Cause, not_applicable

class Light(Observation):
    """A light."""
    kind: ClassVar[str] = "light/1"
    on: Answer[bool]
    colour: Answer[str]

@check("light-on", title="The light is on")
def light_on(light: Light, declared: Declared, *, colour: str = "green") -> None:
    """In the dark nobody sees.

    Remediation: switch it on.
    """
    if declared.facts.users == 0:
        return not_applicable("nobody is there")
    if not light.on.value:
        return failed("it is off")
    return passed("it shines {measured}", measured=light.colour.value, threshold=colour)

MESSAGE = "one is off: {measured}"

@check("lights-alike", title="All lights are on", about=SubjectKind.HOST)
def lights_alike(first: Light, others: Every[Light]) -> None:
    """One is not enough.

    Remediation: switch all of them on.
    """
    seen = [(each.subject, each.observation) for each in others.all if each.observation]
    off = [subject.address or subject.host for subject, observation in seen if not observation.on.value]
    return failed(MESSAGE, measured=off) if off else passed("all are on" if first.on.value else "the others are on")

def inspector_checks():
    return [light_on, lights_alike]
'''

_numbers = count()

CASES = {
    "light-on": """
- {seen: green, outcome: pass, measured: green, threshold: green, values: {measured: green, threshold: green}}
- {seen: green, options: {colour: red}, outcome: pass, threshold: red}
- {seen: {handmade: {like: green, on: {seen: false}}}, outcome: fail}
- {seen: {handmade: {on: {unseen: reset}, colour: {unseen: reset}}}, outcome: inconclusive, cause: reset}
- {seen: null, outcome: inconclusive, cause: timeout}
- {seen: green, declared: {facts: {users: 0}}, outcome: not-applicable}
""",
    "lights-alike": """
- {seen: {first: green, others: {192.0.2.1: green}}, outcome: pass}
- seen: {first: green, others: {192.0.2.1: green, b.vn: {handmade: {like: green, on: {seen: false}}}}}
  outcome: fail
  measured: [b.vn]
- {seen: {first: green, others: {192.0.2.1: green, 192.0.2.2: null}}, outcome: inconclusive}
""",
}


def texts(**more: str) -> dict[str, str]:
    """The texts of the plugin, with a Vietnamese one each."""
    english = (
        "The light is on",
        "In the dark nobody sees.",
        "switch it on.",
        "nobody is there",
        "it is off",
        "it shines {measured}",
        "one is off: {measured}",
        "All lights are on",
        "One is not enough.",
        "switch all of them on.",
        "all are on",
        "the others are on",
    )
    return {text: f"vi: {text}" for text in english} | more


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a plugin's package, with cases and a recording beside it."""
    package = tmp_path / f"plugin_{next(_numbers)}"
    (package / "locale").mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    translate(package, texts())
    for name, lines in CASES.items():
        add_case(tmp_path, name, lines)
    light = {"on": {"seen": True}, "colour": {"seen": "green"}}
    (tmp_path / "recorded" / "light").mkdir(parents=True)
    (tmp_path / "recorded" / "light" / "green.json").write_text(json.dumps({"kind": "light/1", "facts": light}))
    monkeypatch.syspath_prepend(tmp_path)
    return package


def translate(package: Path, translations: dict[str, str]) -> None:
    entries = "\n".join(f"msgid {json.dumps(text)}\nmsgstr {json.dumps(vi)}\n" for text, vi in translations.items())
    head = 'msgid ""\nmsgstr ""\n"Language: vi\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (package / "locale" / "vi.po").write_text(head + entries)


def add_case(folder: Path, check: str, lines: str) -> None:
    (folder / "cases").mkdir(exist_ok=True)
    with (folder / "cases" / f"{check}.yaml").open("a") as file:
        file.write(lines)


def test_cases_give_their_verdicts(plugin: Path) -> None:
    """Recordings, handmade and missing observations, several inputs, declared facts and options are all expressible."""
    found = cases(plugin.name, plugin.parent)
    assert len(found) == 9
    for case in found:
        assert_verdict(case)
        assert_unseen_never_good(case, Cause.TIMEOUT)
    assert_cases_complete(plugin.name, plugin.parent)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("- {seen: green, outcome: fail}", "light-on-7-fail: expected {'outcome': 'fail'}"),
        ("- {seen: green, outcome: pass, measured: red}", "got {'measured': 'green'}"),
        ("- {seen: green, outcome: pass, values: {measured: red}}", "'values'"),
    ],
)
def test_a_wrong_verdict_is_named(plugin: Path, line: str, problem: str) -> None:
    """Case, expected and actual values are in the failure."""
    add_case(plugin.parent, "light-on", line)
    [case] = [each for each in cases(plugin.name, plugin.parent) if each.name.startswith("light-on-7")]
    with pytest.raises(AssertionError) as raised:
        assert_verdict(case)
    assert problem in str(raised.value)


def test_what_is_missing_is_named(plugin: Path) -> None:
    """A check without a case of an outcome, an unused recording, and a false excuse are each named with their file."""
    (plugin.parent / "cases" / "light-on.yaml").write_text(
        "- {seen: green, outcome: pass}\n- {never: pass, because: it is dark}\n- {never: fail, because: it is bright}\n"
    )
    (plugin.parent / "recorded" / "light" / "red.json").write_text("{}")
    with pytest.raises(AssertionError) as raised:
        assert_cases_complete(plugin.name, plugin.parent)
    assert "cases/light-on.yaml: no case has the outcome inconclusive" in str(raised.value)
    assert "cases/light-on.yaml: a case has the outcome pass" in str(raised.value)
    assert "recorded/light/red.json: no case uses it" in str(raised.value)
    assert "outcome fail" not in str(raised.value)


def test_cases_of_no_check_and_without_recording_are_refused(plugin: Path) -> None:
    """A case file is named after a check, and names recordings of the kind that the check takes."""
    add_case(plugin.parent, "light-on", "- {seen: red, outcome: pass}")
    with pytest.raises(UsageError, match=r"recorded/light/red\.json: no such recording"):
        cases(plugin.name, plugin.parent)
    (plugin.parent / "recorded" / "light" / "red.json").write_text('{"kind": "light/2", "facts": {}}')
    with pytest.raises(UsageError, match=r"red\.json: is of kind light/2, not light/1"):
        cases(plugin.name, plugin.parent)
    add_case(plugin.parent, "lamp-on", "- {seen: green, outcome: pass}")
    with pytest.raises(UsageError, match=r"lamp-on\.yaml: no check has this id"):
        cases(plugin.name, plugin.parent)


def test_a_verdict_that_turns_good_when_unseen_is_found(plugin: Path) -> None:
    """A check that reads "not seen" as "fine" is named with its case."""
    source = PLUGIN.replace("if not light.on.value", "if light.on.seen is False")
    (plugin / "__init__.py").write_text(source)
    [case] = [each for each in cases(plugin.name, plugin.parent) if each.expected["outcome"] == "fail"][:1]
    with pytest.raises(AssertionError, match="light-on-3-fail: fail becomes pass"):
        assert_unseen_never_good(case, Cause.TIMEOUT)


def test_a_message_names_its_values(plugin: Path) -> None:
    """A value without a placeholder is noticed: the reader would not see it."""
    (plugin / "__init__.py").write_text(PLUGIN.replace('"it shines {measured}"', '"it shines"'))
    with pytest.raises(AssertionError, match="the message 'it shines' has the values"):
        assert_verdict(cases(plugin.name, plugin.parent)[0])


# --- Recordings -----------------------------------------------------------------------------------------------------


def test_one_observation_is_recorded_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the named server is started; its observation is written with its kind, and all are with ``--all``."""
    started: list[str] = []

    def recorder(name: str) -> Banner:
        started.append(name)
        return Banner(text=name)

    recorders = {f"test-banner/{name}": lambda name=name: recorder(name) for name in ("a", "b")}
    record(tmp_path, recorders, ["test-banner/b"])
    assert started == ["b"]
    written = tmp_path / "recorded" / "test-banner" / "b.json"
    assert str(written) in capsys.readouterr().out
    assert json.loads(written.read_bytes()) == {"kind": "test-banner/1", "facts": {"text": "b"}}
    record(tmp_path, recorders, ["--all"])
    assert started == ["b", "a", "b"]
    with pytest.raises(SystemExit, match="names: test-banner/a test-banner/b"):
        record(tmp_path, recorders, ["c"])


# --- Translations ---------------------------------------------------------------------------------------------------


def test_a_plugin_in_two_languages(plugin: Path) -> None:
    """Texts given in place, by a variable, or by a condition are all found."""
    assert_translated(plugin.name)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("The light is on", "not translated: title of light-on in __init__.py: 'The light is on'"),
        ("In the dark nobody sees.", "not translated: description of light-on in __init__.py"),
        ("switch it on.", "not translated: remediation of light-on in __init__.py: 'switch it on.'"),
        ("it is off", "not translated: message in __init__.py: 'it is off'"),
        ("one is off: {measured}", "not translated: message in __init__.py: 'one is off: {measured}'"),
        ("the others are on", "not translated: message in __init__.py: 'the others are on'"),
    ],
)
def test_a_missing_text_is_named(plugin: Path, text: str, problem: str) -> None:
    """The failure says which text lacks a translation, what it is, and in which file it is."""
    translations = texts()
    del translations[text]
    translate(plugin, translations)
    with pytest.raises(AssertionError) as raised:
        assert_translated(plugin.name)
    assert problem in str(raised.value)
    assert str(raised.value).count("\n") == 1


def test_texts_of_nothing_other_placeholders_and_words_are_named(plugin: Path) -> None:
    """A translation of no text, one with other placeholders, and an untranslated member of a vocabulary are named."""
    translate(plugin, texts(**{"it shines {measured}": "vi: {measure}", "gone": "vi"}))
    with pytest.raises(AssertionError) as raised:
        assert_translated(plugin.name, Outcome)
    assert "belongs to nothing: 'gone'" in str(raised.value)
    assert "other placeholders: 'it shines {measured}' and 'vi: {measure}'" in str(raised.value)
    assert "not translated: member of Outcome: 'error'" in str(raised.value)
