"""The documents of the demonstration: declaration, authorisation, statements, settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from inspector.declare.templates import quoted
from inspector.demo.environment import PORTAL, SHOP, SILENT, Environment
from inspector.model.base import now
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage

#: The time limit of a scan in seconds: short, because one server never answers, and enough for a slow machine.
SCAN_SECONDS = 12


@dataclass(frozen=True, slots=True)
class InputDocuments:
    """The paths of the documents."""

    declaration: Path
    authorisation: Path
    statements: Path
    settings: Path


#: The mode of the output folder, as of those of an inspection: what was found concerns nobody else.
_OWN = 0o700


def write(folder: Path, environment: Environment) -> InputDocuments:
    """Write the documents into a folder, over those of an earlier demonstration. Raises UsageError."""
    documents = InputDocuments(
        declaration=folder / "declaration.yaml",
        authorisation=folder / "authorisation.yaml",
        statements=folder / "statements.yaml",
        settings=folder / "inspector.toml",
    )
    texts = {
        documents.declaration: declaration(environment),
        documents.authorisation: authorisation(environment),
        documents.statements: statements(environment),
        documents.settings: settings(environment),
        folder / "root.pem": environment.root.decode(),
    }
    try:
        for parent in (folder.parent, folder):
            parent.mkdir(mode=_OWN, parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            FormattedMessage("{file}: cannot be written: {reason}", file=error.filename, reason=error.strerror),
            remedy="choose another folder with --output",
        ) from None
    return documents


def _yearly_reports(today: date) -> str:
    """The reports that the ministry has sent so far, each on 20 December."""
    years = [year for year in range(2026, today.year + 1) if date(year, 12, 24) < today]
    return ", ".join(f"{{year: {year}, sent: {year}-12-20}}" for year in years)


def declaration(environment: Environment) -> str:
    """Three systems of a ministry that does not exist: a good one, a bad one, and one that never answers."""
    ports = environment.ports
    good_zone = "      - dns:bo-mau.test\n" if environment.serves_zones else ""
    poor_zone = "      - dns:luu-niem.test\n" if environment.serves_zones else ""
    return f"""\
# Bản khai của một bộ không có thật, chỉ để minh họa / Declaration of a ministry that does not exist

organisation:
  code: BM
  name: Bộ Mẫu (tổ chức không có thật, dùng để minh họa)
  head: Bộ trưởng Bộ Mẫu

systems:
  # Một hệ thống được chăm sóc tốt / a well-maintained system
  - id: cong-thong-tin
    name: Cổng thông tin điện tử Bộ Mẫu
    owner: Bộ Mẫu
    operator: Trung tâm Công nghệ thông tin, Bộ Mẫu
    level: 3
    stage: operating
    approval: {{status: approved, decision: 12/QĐ-BM, date: 2026-03-15, by: owner, body: Bộ Mẫu}}
    appraisal: {{by: specialised-unit, opinion: suitable, date: 2026-03-02, independent: true}}
    regulation: {{number: 7/QĐ-BM, date: 2026-02-20, by: Bộ Mẫu}}
    plan: full
    in_operation_from: 2022-05-01
    specialised_unit: Cục Chuyển đổi số, Bộ Mẫu
    inspections: [{{kind: periodic, date: 2026-04-10, by: Trung tâm Kiểm định Mẫu, licence: 15/GP-MẪU}}]
    changes: []
    serious_incidents: []
    risk_assessed: 2026-01-20
    yearly_reports: [{_yearly_reports(now().date())}]
    incident_contact_filed: 2026-09-01
    operators_certified: true
    security_budget_percent: 18
    measures:
      - {{clause: 7.2.4.3, status: done}}  # sao lưu (TCVN 11930:2017)
      - {{clause: 7.2.2.3, status: done}}  # nhật ký máy chủ (TCVN 11930:2017)
      - {{clause: "5.11", status: done}}  # sao lưu (TCVN 14423:2026)
      - {{clause: "5.8", status: partial}}  # nhật ký (TCVN 14423:2026)
    facts:
      state_body: true
      internal_only: false
      users: 40000
      basic_data_subjects: 40000
      nationwide: true
      always_on: false
      information: [public, personal]
    endpoints:
      - https://{PORTAL}:{ports.portal_https}/
      - http://{PORTAL}:{ports.portal_http}/
      - mail:bo-mau.test
{good_zone}
  # Một hệ thống cũ bị bỏ quên / an old, forgotten system
  - id: cua-hang
    name: Cửa hàng lưu niệm trực tuyến (hệ thống cũ)
    owner: Nhà xuất bản Bộ Mẫu
    operator: Nhà xuất bản Bộ Mẫu
    level: 2
    stage: operating
    approval: {{status: drafting, expected: 2027-03-31}}
    plan: partial
    inspections: []
    risk_assessed: never
    incident_contact_filed: never
    measures:
      - {{clause: "4.11", status: planned}}  # sao lưu (TCVN 14423:2026)
    facts:
      state_body: true
      internal_only: false
      users: 150000
      basic_data_subjects: 150000
      sensitive_data_subjects: 0
      administrative_procedures: false
      conditional_business: false
      nationwide: false
      always_on: false
      information: [public, personal]
    hosts:
      - {{name: {SHOP}, ports: [{ports.shop_https}, {ports.shop_http}], tenancy: dedicated}}
    endpoints:
      - https://{SHOP}:{ports.shop_https}/
      - http://{SHOP}:{ports.shop_http}/
      - host:{SHOP}
      - mail:luu-niem.test
{poor_zone}
  # Một hệ thống chưa được phê duyệt, không trả lời / a system without approval that does not answer
  - id: van-ban
    name: Hệ thống quản lý văn bản
    owner: Bộ Mẫu
    operator: Văn phòng Bộ Mẫu
    level: 3
    stage: operating
    approval: {{status: submitted}}
    plan: not-started
    facts:
      state_body: true
    endpoints:
      - https://{SILENT}:{ports.silent_https}/
"""


def authorisation(environment: Environment) -> str:
    """An authorisation by the user of this machine, over the demo addresses, for one day."""
    begins = now().replace(microsecond=0) - timedelta(minutes=1)
    return f"""\
# Văn bản cho phép kiểm tra các máy chủ minh họa / Authorisation to inspect the servers of the demonstration

id: minh-hoa
kind: own-estate
basis: Máy chủ minh họa do chính người kiểm tra khởi động
granted_by: Người sử dụng máy này
emergency_contact: Nhấn Ctrl-C để dừng

covers:
  names: [{PORTAL}, {SILENT}]
  # Địa chỉ được quét cổng, và các địa chỉ của máy này mà tên trỏ đến
  # The address whose ports may be swept, and those of this machine to which names lead
  blocks: [{", ".join(sorted(set(environment.addresses.values())))}]

valid_from: {begins.isoformat()}
valid_until: {(begins + timedelta(days=1)).isoformat()}
intrusiveness: polite
rates:
  connections_per_second: 200
  burst: 400
  at_once: 20
  port_questions_per_second: 20000
"""


def statements(environment: Environment) -> str:
    """A statement of the bad system's owner that is not accepted."""
    return f"""\
# Giải trình của chủ quản; chưa được chấp nhận nên không làm thay đổi kết quả
# What the owner claims; it changes no result until it is accepted

statements:
  - kind: remediation-planned
    system: cua-hang
    requirement: tls-modern-protocols
    subject: https://{SHOP}:{environment.ports.shop_https}
    reason: Máy chủ sẽ được thay trong quý tới; đã có kinh phí.
    author: Giám đốc Nhà xuất bản Bộ Mẫu
    decision: claimed
"""


def settings(environment: Environment) -> str:
    """The settings of the inspecting side: this machine, with the root and anchor of the demonstration."""
    return f"""\
# Cấu hình của bên kiểm tra / Settings of the inspecting side

contact = "demo@bo-mau.test"
resolvers = ["{environment.addresses["name_server"]}:{environment.ports.resolver}"]
trust_roots = ["root.pem"]  # chứng thư gốc được khai báo / declared root
dnssec_anchors = [{quoted(environment.anchor)}]
signing_key = "signing.pem"

[vantage]
name = "máy này / this machine"
kind = "inside"

[ceilings]
scan_seconds = {SCAN_SECONDS}
"""
