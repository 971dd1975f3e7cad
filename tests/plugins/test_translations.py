"""Every plugin's texts are in Vietnamese, too."""

from __future__ import annotations

from enum import Enum

import pytest

from inspector.model.declared import ApprovalStatus, Body, Opinion, PlanStatus, Stage
from inspector.testing import assert_translated
from inspector_dns.observations import ChainFlaw
from inspector_mail.checks.mx_records_sound import MxFault
from inspector_mail.observations import BimiFault, DkimFault, DmarcFault, Policy, ReportFault, SpfFault, SpfResult
from inspector_tls.checks.mta_sts_mail_servers_valid import ServerFault
from inspector_tls.criteria.dane import DaneFault
from inspector_tls.criteria.mta_sts import CertificateFault
from inspector_tls.mta_sts.observations import PolicyFault, RecordFault, ReportingFault
from tests.plugins.builtin import PACKAGES

#: Vocabularies whose members are measured values, by package.
VOCABULARIES: dict[str, tuple[type[Enum], ...]] = {
    "inspector_dns": (ChainFlaw,),
    "inspector_dossier": (Stage, ApprovalStatus, PlanStatus, Body, Opinion),
    "inspector_mail": (SpfFault, DmarcFault, SpfResult, Policy, BimiFault, DkimFault, ReportFault, MxFault),
    "inspector_tls": (RecordFault, PolicyFault, ServerFault, CertificateFault, DaneFault, ReportingFault),
}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_is_translated(package: str) -> None:
    """The catalogue holds exactly the texts of the plugin, each with the same placeholders."""
    assert_translated(package, *VOCABULARIES.get(package, ()))
