"""The TLS reporting record of a mail domain."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.mta_sts.observations import MtaSts, RecordFault, ReportingFault


@check("tls-reporting-usable", title="TLS reporting is published", references=("RFC 8460 §3",))
def tls_reporting_usable(records: MtaSts) -> Verdict:
    """Under MTA-STS and DANE senders return mail where TLS fails. Only their reports tell the domain's owner, who would
    otherwise learn it from mail that does not come.

    Remediation: publish ``_smtp._tls.example.vn. TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.vn"``.
    """
    fault = records.reporting.value
    if fault is None:
        return passed("senders report about TLS", facts="reporting")
    if fault is not ReportingFault.MISSING:
        return failed("senders send no reports about TLS: {measured}", measured=fault, facts="reporting")
    has_sts = records.record.value is not RecordFault.MISSING
    has_dane = any(server.tlsa.seen for server in records.servers.value)
    if has_sts or has_dane:
        return failed("senders send no reports about TLS: {measured}", measured=fault, facts="reporting")
    _ = [server.tlsa.value for server in records.servers.value]  # raises NotSeen
    return not_applicable("the domain has neither MTA-STS nor TLSA records to report about")
