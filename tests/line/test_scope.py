"""A server that nobody may ask gets no packet, by whatever way an inspection is led to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, Servers, free_port, serving, system

DECOY = "127.0.0.99"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    port = free_port()
    zone = {
        "www.line.test": {"A": ["127.0.0.1"]},
        "alias.line.test": {"CNAME": ["decoy.example."]},
        "decoy.example": {"A": [DECOY]},
        "decoy.line.test": {"A": [DECOY]},
    }
    onward = {"status": "302 Found", "mode": "page"}
    with serving(
        {"name": "page", "mode": "page", "port": port},
        {"name": "to name", **onward, "headers": {"Location": f"http://decoy.line.test:{port}/"}},
        {"name": "to address", **onward, "headers": {"Location": f"http://{DECOY}:{port}/"}},
        {"name": "to port", **onward, "headers": {"Location": "http://www.line.test:1/"}},
        {"name": "decoy", "mode": "page", "address": DECOY, "port": port},
        {"name": "names", "mode": "dns", "zone": zone, "later": {"www.line.test": {"A": [DECOY]}}},
    ) as servers:
        yield servers


@pytest.fixture(scope="module")
def result(line: Line, servers: Servers) -> RunResult:
    """An inspection of one name, which redirects away and later resolves to the decoy."""
    endpoints = [
        f"http://www.line.test:{servers.ports[name]}/" for name in ("page", "to name", "to address", "to port")
    ]
    return line.call(
        "run",
        line.declare(system(*endpoints), covers={"names": ["www.line.test"], "blocks": ["127.0.0.1"]}),
        *("--only", "http", "--only", "names"),
        resolvers=[f"127.0.0.1:{servers.ports['names']}"],
    )


def test_decoy_gets_no_packet(result: RunResult, servers: Servers) -> None:
    """Neither a redirect, nor its target by address, nor a name that moves, leads to the decoy."""
    assert result.code == 1
    received = servers.received()
    assert received["decoy"] == []
    assert received["names"].count("www.line.test A") > 1
    assert {entry.address for entry in result.ledger if not entry.infrastructure} == {"127.0.0.1"}


@pytest.mark.parametrize(("page", "host"), [("to name", "decoy.line.test"), ("to address", DECOY)])
def test_redirect_to_an_undeclared_host_is_a_failure(result: RunResult, servers: Servers, page: str, host: str) -> None:
    """The endpoint fails, with the target of the redirect; the host that nobody declared adds no rows of its own."""
    found = result.finding("http-redirects-to-https", f"http://www.line.test:{servers.ports[page]}/")
    assert (found["outcome"], found["measured"]) == ("fail", f"http://{host}:{servers.ports['decoy']}/")
    assert result.evidence
    assert host not in {each.subject.host for each in result.evidence}


def test_redirect_to_an_undeclared_port_is_out_of_scope(result: RunResult) -> None:
    """The target of the redirect is on record, with the reason why it was not asked."""
    scan = result.scan("http", "http://www.line.test:1/")
    assert scan.failure is not None
    assert scan.failure.cause == "out-of-scope"


def test_a_name_that_leads_to_this_machine_is_refused(line: Line, servers: Servers) -> None:
    """A listed name that resolves to loopback is out of scope; the refusal says what the authorisation lacks."""
    document = line.declare(
        system(f"http://decoy.line.test:{servers.ports['decoy']}/"),
        name="inside.yaml",
        covers={"names": ["*.line.test"], "blocks": ["127.0.0.1"]},
    )
    result = line.call("run", document, "--only", "http", resolvers=[f"127.0.0.1:{servers.ports['names']}"])
    assert result.code == 2
    assert f"add to covers: blocks: [{DECOY}]" in result.err
    assert servers.received()["decoy"] == []


def test_address_lists_what_names_on_the_command_line_may_lead_to(line: Line, servers: Servers) -> None:
    """Without documents, ``--address`` lists it; beside documents it is misuse."""
    names = [f"127.0.0.1:{servers.ports['names']}"]
    endpoint = f"http://decoy.line.test:{servers.ports['decoy']}/"
    asked = ("plan", endpoint, "--level", 1, "--authorised-by", "A", "--only", "http", "--lang", "en")
    assert f"add to covers: blocks: [{DECOY}]" in line.call(*asked, resolvers=names).err
    planned = line.call(*asked, "--address", "127.0.0.0/24", resolvers=names)
    assert (planned.code, "would refuse" in planned.err) == (0, False)
    wrong = line.call(*asked, "--address", "127.0.0.1/24", resolvers=names)
    assert (wrong.code, "the value of --address is wrong" in wrong.err) == (2, True)
    document = line.declare(system(endpoint), name="listed.yaml")
    refused = line.call("plan", document, "--address", "127.0.0.0/24", "--lang", "en")
    assert (refused.code, "the addresses are written in the authorisation" in refused.err) == (2, True)
    assert servers.received()["decoy"] == []


def test_init_lists_the_private_addresses_of_names(
    line: Line, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``init`` writes covers names that lead to this machine, and is accepted by ``plan``."""
    monkeypatch.chdir(tmp_path)
    port = servers.ports["decoy"]
    names = [f"127.0.0.1:{servers.ports['names']}"]
    begun = line.call(
        *("init", tmp_path, "--organisation", "O", "--system", "s", "--name", "N", "--level", 1, "--granted-by", "A"),
        *("--contact", "c@d.vn", "--endpoint", f"http://decoy.line.test:{port}/"),
        resolvers=names,
    )
    assert begun.code == 0
    assert f'blocks: ["{DECOY}"]' in (tmp_path / "authorisation.yaml").read_text()
    documents = (tmp_path / "declaration.yaml", "-a", tmp_path / "authorisation.yaml")
    planned = line.call("plan", *documents, "--only", "http", "--lang", "en", resolvers=names)
    assert (planned.code, "would refuse" in planned.err) == (0, False)


def test_alias_outside_is_refused_before_anything_is_asked(line: Line, servers: Servers) -> None:
    """An alias to an unlisted name is refused with a located usage error."""
    document = line.declare(
        system(f"http://alias.line.test:{servers.ports['decoy']}/"),
        name="alias.yaml",
        covers={"names": ["alias.line.test"]},
    )
    result = line.call("run", document, "--only", "http", resolvers=[f"127.0.0.1:{servers.ports['names']}"])
    assert result.code == 2
    assert f"{document}:14:" in result.err
    assert "is an alias of decoy.example, which is not listed" in result.err
    assert servers.received()["decoy"] == []
    assert result.bundles == []


def test_plan_names_what_is_out_of_scope(line: Line, servers: Servers) -> None:
    """``plan`` asks resolvers only, and shows the endpoint with the reason."""
    before = {name: len(each) for name, each in servers.received().items() if name != "names"}
    result = line.call(
        "plan",
        line.folder / "alias.yaml",
        *("--only", "http", "--lang", "en"),
        resolvers=[f"127.0.0.1:{servers.ports['names']}"],
    )
    assert result.code == 2  # as run, which refuses it
    assert "decoy.example" in result.out
    assert "out of scope" in result.out
    assert {name: len(each) for name, each in servers.received().items() if name != "names"} == before
