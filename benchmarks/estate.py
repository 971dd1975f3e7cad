"""Documents of a made-up estate: many systems in one declaration, with the authorisation that covers them.

``python -m benchmarks.estate SYSTEMS FOLDER`` writes ``declaration.yaml``, the same as ``declaration.jsonl``, and
``authorisation.yaml``. Levels and numbers of endpoints alternate; each endpoint has an address of its own.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

#: In turn: the levels of the systems, and how many endpoints each has.
LEVELS = (3, 3, 2, 1, 4, 3, 5, 2)
ENDPOINTS = (1, 4, 2, 3)
#: Addresses that every machine has a route to, and no one else answers at.
_ADDRESSES = "127.0.0.0/8"


def systems(number: int) -> Iterator[dict[str, Any]]:
    """The systems of an estate, as plain data."""
    addresses = map(str, ipaddress.ip_network(_ADDRESSES).hosts())
    for index in range(number):
        hosts = list(islice(addresses, ENDPOINTS[index % len(ENDPOINTS)]))
        yield {
            "id": f"he-thong-{index:05}",
            "name": f"Hệ thống thông tin số {index}",
            "owner": f"Ủy ban nhân dân xã {index // 7}",
            "operator": "Trung tâm Chuyển đổi số",
            "level": LEVELS[index % len(LEVELS)],
            "approval": {"status": "approved", "decision": f"{index}/QĐ-UBND", "date": "2024-05-20"},
            "hosts": [{"name": each, "ports": ["443/tcp"]} for each in hosts],
            "endpoints": [uri for each in hosts for uri in (f"https://{each}/", f"host:{each}")],
        }


_HEAD = {"organisation": {"code": "H00", "name": "Sở Khoa học và Công nghệ"}}


def yaml_text(number: int) -> str:
    """The declaration as people write it."""
    lines = ["organisation:", *(f"  {key}: {value}" for key, value in _HEAD["organisation"].items()), "", "systems:"]
    for each in systems(number):
        approval = ", ".join(f"{key}: {value}" for key, value in each["approval"].items())
        lines.append(f"  - id: {each['id']}")
        lines += [f"    {key}: {each[key]}" for key in ("name", "owner", "operator", "level")]
        lines += [f"    approval: {{{approval}}}", "    hosts:"]
        lines += [f'      - {{name: "{host["name"]}", ports: ["{host["ports"][0]}"]}}' for host in each["hosts"]]
        lines += ["    endpoints:", *(f'      - "{uri}"' for uri in each["endpoints"]), ""]
    return "\n".join(lines)


def json_lines(number: int) -> str:
    """The declaration as JSON lines."""
    values: list[Any] = [_HEAD, *systems(number)]
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in values)


def authorisation_text(number: int, **more: Any) -> str:
    """An authorisation that lists the address of every endpoint, with ``more`` in it."""
    hosts = [host["name"] for each in systems(number) for host in each["hosts"]]
    return json.dumps(
        {
            "id": "estate",
            "kind": "own-estate",
            "granted_by": "Trần Thị B, Giám đốc",
            "covers": {"blocks": hosts},
            "valid_from": "2020-01-01T00:00:00+07:00",
            "valid_until": "2099-01-01T00:00:00+07:00",
            **more,
        }
    )


def write(number: int, folder: Path, **more: Any) -> None:
    """Write the documents of an estate with this number of systems, and ``more`` in the authorisation."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "declaration.yaml").write_text(yaml_text(number), encoding="utf-8")
    (folder / "declaration.jsonl").write_text(json_lines(number), encoding="utf-8")
    (folder / "authorisation.yaml").write_text(authorisation_text(number, **more), encoding="utf-8")


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
