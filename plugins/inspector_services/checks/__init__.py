"""The checks on network services, one per file."""

from inspector import Check
from inspector_services.checks.declared_ports_open import declared_ports_open
from inspector_services.checks.no_cleartext_administration import no_cleartext_administration
from inspector_services.checks.no_database_reachable import no_database_reachable
from inspector_services.checks.no_file_sharing_reachable import no_file_sharing_reachable
from inspector_services.checks.ports_only_declared import ports_only_declared

ALL: tuple[Check, ...] = (
    declared_ports_open,
    no_cleartext_administration,
    no_database_reachable,
    no_file_sharing_reachable,
    ports_only_declared,
)
