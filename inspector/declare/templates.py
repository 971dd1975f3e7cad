"""Commented templates of the documents, in Vietnamese and English, filled with what is already known.

Each loads without a diagnostic as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from inspector.model.base import now
from inspector.model.subject import Uri, is_address


def quoted(text: str) -> str:
    """The text in double quotes, in a form that both YAML and TOML accept."""
    return "".join(each if each.isprintable() else _escaped(each) for each in json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def declaration(*, organisation: str, systems: str, code: str = "ORG-1") -> str:
    """A declaration of an organisation with the text of its ``systems``."""
    return f"""\
# Bản khai hệ thống thông tin / Declaration of information systems
# Kiểm tra bản khai / check it: inspector plan declaration.yaml

organisation:
  code: {quoted(code)}  # mã cơ quan, tổ chức / code of the organisation
  name: {quoted(organisation)}
  # head: "…"  # người đứng đầu / head
  # parent: "…"  # mã cơ quan cấp trên / code of the parent organisation

systems:
{systems}"""


def system(
    *,
    system: str,
    name: str,
    owner: str,
    level: int,
    endpoints: Sequence[Uri],
    sweeps: Collection[str] = (),
    dedicated: bool = False,
) -> str:
    """One system of a declaration with these endpoints; their services are its declared ports.

    The open ports of hosts in ``sweeps`` are compared with the declared ones; ``dedicated``: these hosts are the
    organisation's alone.
    """
    return f"""\
  - id: {quoted(system)}  # mã ngắn, không dấu / short id without diacritics
    name: {quoted(name)}
    owner: {quoted(owner)}  # chủ quản hệ thống thông tin / system owner
    # operator: "…"  # đơn vị vận hành / operator
    level: {level}  # cấp độ 1–5 / security level
    stage: operating  # design · build · upgrade · operating · retired

    approval:  # hồ sơ đề xuất cấp độ / level proposal dossier
      status: none  # none · drafting · submitted · appraised · approved
      # decision: "123/QĐ-…"  # số quyết định phê duyệt / number of the approval
      # date: 2026-01-31  # ngày phê duyệt / date of the approval
      # by: owner  # cơ quan phê duyệt: specialised-unit · owner · … / approving body
      # expected: 2026-12-20  # dự kiến phê duyệt / expected approval
    # Bỏ trống nghĩa là "không nêu" / what is left out is "not stated"
    # appraisal: {{by: specialised-unit, opinion: suitable, date: 2026-01-20, independent: true}}  # thẩm định
    # regulation: {{number: "7/QĐ-…", date: 2026-01-10}}  # quy chế bảo đảm an ninh mạng / security regulation
    # in_operation_from: 2026-02-01  # ngày bắt đầu vận hành / start of operation
    # specialised_unit: "…"  # đơn vị chuyên trách, hoặc none / security unit, or none
    # provider: "…"  # bên cung cấp dịch vụ / provider
    # inspections:  # kiểm tra: before-operation · periodic · ad-hoc · self
    #   - {{kind: periodic, date: 2026-03-01, by: "…", licence: "…"}}
    # changes: []  # thay đổi từ khi phê duyệt / changes since approval: {{date: …, alters_level: true, major: true}}
    # serious_incidents: []  # ngày xảy ra sự cố nghiêm trọng / days of serious incidents
    # risk_assessed: 2026-01-15  # đánh giá rủi ro, hoặc never / risk assessment, or never
    # yearly_reports: [{{year: 2026, sent: 2026-12-20}}]  # báo cáo hằng năm
    # incident_contact_filed: 2026-02-10  # khai báo đầu mối ứng cứu sự cố, hoặc never / or never

    # plan: partial  # phương án bảo đảm: not-started · partial · full / security assurance plan
    # measures:  # tình trạng biện pháp / status of measures
    #   - {{clause: "…", status: done}}  # planned · partial · done · equivalent · inherited
    #   - {{clause: "…", status: inherited, from: "…"}}  # from: bên cung cấp / provider
    # facts:  # căn cứ xác định cấp độ / facts that determine the level
    #   state_body: true  # cơ quan nhà nước / state body
    #   internal_only: false  # chỉ phục vụ nội bộ / serves its organisation alone
    #   users: 12000  # số người sử dụng / number of users
    #   information: [public, personal]

{_hosts(endpoints, sweeps if dedicated else ())}
    endpoints:  # địa chỉ dịch vụ nhìn từ bên ngoài / services as seen from outside
{_lines(6, [quoted(uri) for uri in sorted(set(map(str, endpoints)))])}
{_sweeps(endpoints, sweeps)}    # dkim_selectors: {{example.vn: [mail]}}  # tên miền thư điện tử / mail domains
"""


def authorisation(
    system: str,
    *,
    granted_by: str,
    endpoints: Sequence[Uri],
    addresses: Sequence[str] = (),
    contact: str = "",
    at: datetime | None = None,
) -> str:
    """An own-estate authorisation for a system with these endpoints (at least one), for 30 days from ``at`` (now).

    Its id has that of the system, since no two authorisations have the same.
    ``addresses`` are special-purpose ones that names of the endpoints resolve to: they are listed, too.
    """
    begins = (at or now()).replace(microsecond=0)
    hosts = sorted({uri.host for uri in endpoints})
    names = [host for host in hosts if not is_address(host)]
    blocks = sorted({*(host for host in hosts if is_address(host)), *addresses})
    return f"""\
# Văn bản cho phép kiểm tra / Authorisation of the inspection
# Người có thẩm quyền ký; không có văn bản này thì không gửi gói tin nào
# To be granted by the person in charge; without it no packet is sent

id: {quoted(f"{system}-{begins:%Y%m%d}")}
kind: own-estate  # owner-request · inspection-decision · self-inspection · own-estate
# basis: "…"  # căn cứ pháp lý / legal basis
granted_by: {quoted(granted_by)}  # họ tên, chức vụ / name and position
# document: {{number: "45/QĐ-…", date: 2026-01-31}}  # quyết định / decision
{"" if contact else "# "}emergency_contact: {quoted(contact or "…")}  # liên hệ khẩn cấp / in an emergency

covers:  # phạm vi / scope
  # tên miền, hoặc "*.zone" / names, or "*.zone"
  names: [{", ".join(map(quoted, names))}]
  # địa chỉ IP, cần có để quét cổng và khi tên trỏ đến địa chỉ nội bộ
  # addresses, needed for port sweeps, and where names lead to private addresses
  blocks: [{", ".join(map(quoted, blocks))}]
  # ports: [443, "8000-8100"]  # mặc định: các cổng đã khai / default: the declared ports

valid_from: {begins.isoformat()}
valid_until: {(begins + timedelta(days=30)).isoformat()}
# windows:  # khung giờ được phép / hours in which packets may be sent
#   - {{days: [1, 2, 3, 4, 5], start: "22:00", end: "05:00", timezone: Asia/Ho_Chi_Minh}}

intrusiveness: polite  # passive · polite · intrusive
rates:  # trên mỗi địa chỉ IP / per address
  connections_per_second: 4
  burst: 10
  at_once: 5
  port_questions_per_second: 100
"""


def statements() -> str:
    """A statements document without a statement, with examples to uncomment."""
    return """\
# Ý kiến về kết quả / Statements about findings
# Không làm thay đổi kết quả; chỉ có hiệu lực khi bên kiểm tra chấp nhận
# They change no outcome; they take effect only when the inspecting side accepts them

statements: []
# statements:
#   - kind: equivalent-measure  # accepted-risk · remediation-planned · inherited · disputed
#     system: "…"  # mã hệ thống / id of the system
#     requirement: "…"  # mã yêu cầu trong báo cáo / id of the requirement in the report
#     subject: "https://example.vn/"  # đối tượng trong báo cáo; toàn hệ thống: "system:" / the whole system: "system:"
#     reason: "…"  # lý do / reason
#     author: "…"  # người đề nghị / author
#     until: 2026-12-31T23:59:59+07:00  # đến khi / until
#     document: "…"
#     # Phần của bên kiểm tra / to be filled in by the inspecting side:
#     # decision: accepted  # claimed · accepted · refused
#     # decided_by: "…"
"""


def settings(*, contact: str = "", vantage: str = "unnamed", kind: str = "unknown") -> str:
    """The settings of the inspecting side."""
    return f"""\
# Cấu hình của bên kiểm tra / Settings of the inspecting side
# Trong thư mục hiện hành chỉ dùng được contact, output, vantage, logging; còn lại: ~/.config/inspector/inspector.toml
# In the current folder only contact, output, vantage, logging may be set; the rest: ~/.config/inspector/inspector.toml

contact = {quoted(contact)}  # liên hệ, gửi kèm trong truy vấn / sent with requests to targets
# output = "out"  # thư mục kết quả / where bundles go
# resolvers = ["192.0.2.53"]  # mặc định: của máy này / default: this machine's
# root_servers = ["iana"]  # tự phân giải từ gốc, không qua resolver / resolves from the root, without a resolver
# trust_roots = ["roots/"]  # chứng thư số gốc được khai báo / declared roots, PEM
# signing_key = "signing.pem"  # tạo khi dùng lần đầu / made on first use
# trusted_signers = []  # mã khóa được tin cậy / trusted key ids
# inspectors = ["…"]  # người có quyền chấp nhận ý kiến / whose decisions about statements count

[vantage]
name = {quoted(vantage)}  # nơi đặt máy kiểm tra / where this machine is
kind = {quoted(kind)}  # unknown · internet · partner · inside · ci

# [ceilings]  # giới hạn của máy này / limits of this machine
# connections = 400
# scans = 50
# addresses = 16  # số địa chỉ được kiểm tra của mỗi tên, mỗi họ / addresses inspected of each name and family

# [logging]  # nhật ký ra stderr / log lines on stderr
# level = "info"  # debug · info · warning · error
# format = "json"  # text · json
"""


def with_system(text: str, block: str) -> str | None:
    """The text of a declaration with a system added after the last one; None where its list is not in block style."""
    lines = text.splitlines(keepends=True)
    keys = [number for number, line in enumerate(lines) if re.match(r"[^\s#-]", line)]
    begin = next((number for number in keys if re.match(r"systems\s*:\s*(#.*)?$", lines[number].rstrip())), None)
    if begin is None:
        return None
    end = next((number for number in keys if number > begin), len(lines))
    dash = next((found for line in lines[begin + 1 : end] if (found := re.match(r"( *)- ", line))), None)
    if dash is None:
        return None
    added = "".join(f"{dash[1]}{line[2:]}" if line.strip() else line for line in block.splitlines(keepends=True))
    before = "".join(lines[:end]).rstrip("\n")
    return "\n\n".join([before, added + "".join(["\n", *lines[end:]] if lines[end:] else [])])


def with_vantage(text: str, name: str, kind: str) -> str:
    """The text of settings with the vantage where they have none, or state it as unknown; else as it is."""
    table = f"[vantage]\nname = {quoted(name)}\nkind = {quoted(kind)}\n"
    if not re.search(r"^\s*(\[\s*vantage\s*\]|vantage\b)", text, re.MULTILINE):
        return f"{text.rstrip()}\n\n{table}" if text.strip() else table
    return re.sub(
        r'^\[vantage\]\nname = "[^"\n]*"[^\n]*\nkind = "unknown"[^\n]*\n',
        lambda _: table,
        text,
        count=1,
        flags=re.MULTILINE,
    )


def _hosts(endpoints: Sequence[Uri], dedicated: Collection[str]) -> str:
    """The hosts of the endpoints, each with the ports that they name."""
    ports: dict[str, set[str]] = {}
    for uri in endpoints:
        if uri.port is not None:
            protocol = "udp" if uri.scheme.name == "udp" else "tcp"
            ports.setdefault(uri.host, set()).add(quoted(f"{uri.port}/{protocol}"))
    hosts = [
        f"{{name: {quoted(host)}, ports: [{', '.join(sorted(ports[host]))}]"
        f"{', tenancy: dedicated' if host in dedicated else ''}}}"
        for host in sorted(ports)
    ]
    comment = "hosts:  # máy chủ và các cổng được khai báo / hosts and their declared ports"
    return f"    {comment}\n{_lines(6, hosts)}\n" if hosts else ""


def _sweeps(endpoints: Sequence[Uri], sweeps: Collection[str]) -> str:
    """The rows by which ports are scanned; as comments for hosts whose address the authorisation does not list."""
    hosts = sorted({uri.host for uri in endpoints if uri.port is not None})
    written = {str(uri) for uri in endpoints}
    rows = {host: quoted(f"host:{host}") for host in hosts if f"host:{host}" not in written}
    swept = "".join(f"      - {row}  # cổng đang mở / open ports\n" for host, row in rows.items() if host in sweeps)
    others = "".join(f"      # - {row}\n" for host, row in rows.items() if host not in sweeps)
    why = "      # quét cổng: khi văn bản cho phép có địa chỉ / ports: where the authorisation lists the address\n"
    return f"{swept}{why if others else ''}{others}"


def _lines(indent: int, items: Sequence[str]) -> str:
    return "\n".join(f"{' ' * indent}- {each}" for each in items) or f"{' ' * indent}[]"
