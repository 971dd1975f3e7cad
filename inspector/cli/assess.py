"""``inspector assess``: assess a sealed bundle again, under other rules or at another date, without a packet."""

from __future__ import annotations

from pathlib import Path

from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import refuse_baseline
from inspector.cli.exit_code import ExitRule
from inspector.cli.inputs import instant, read_settings, read_statements
from inspector.cli.report import read_record
from inspector.cli.run import formats_of, write_copies
from inspector.cli.summary import InspectionSummary, print_summary
from inspector.cli.tables import chosen_tables
from inspector.pipeline.attempts import AttemptLog
from inspector.pipeline.context import regime_of
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import write_assessment
from inspector.pipeline.request import ReportOptions
from inspector.regime.loader import load_all
from inspector.regime.selection import next_regime
from inspector.registry.registry import installed
from inspector.seal import Bundle, RunIndex, SigningKey
from inspector.seal.layout import INDEX


def assess_again(folder: Path, arguments: RunArguments, tables: tuple[str, ...] = (), *, reparse: bool) -> int:
    """Assess, write the assessment beside the others, and print the summary.

    What is not given stays as the capture was planned. Raises InspectorError.
    """
    registry = installed()
    formats = formats_of(arguments.formats, registry)
    rule = ExitRule.of(arguments)
    own = read_settings(arguments.settings)
    bundle = Bundle.open(folder)
    refuse_baseline(arguments.baseline, bundle.inspection.authorisations)
    as_of = instant(arguments.as_of)
    known = load_all(registry.profiles)
    regime = None
    if arguments.regime is not None or arguments.as_of is not None:
        regime = regime_of(arguments.regime, bundle.inspection.system, as_of, known)
    statements = None
    if arguments.statements or arguments.decisions:
        statements = read_statements(arguments.statements, arguments.decisions, own, registry, regimes=known)
    options = AssessmentOptions(
        as_of=as_of,
        regime=regime,
        next_regime=next_regime(known, regime) if regime else None,
        level=arguments.level,
        statements=statements,
        tables=chosen_tables(tables, bundle.inspection.tables, arguments.settings) if tables else None,
        reparse=reparse,
    )
    assessment = run_async(assess_bundle(bundle, registry, options))
    key = SigningKey.load_or_create(own.signing_key)
    record = read_record(arguments.inspection, assessment)
    reports = ReportOptions(formats=formats, record=record, keep_reports=arguments.keep_reports)
    written = write_assessment(bundle, assessment, registry, reports, key, rule.marked)
    run = bundle.folder.resolve().parents[1]
    if (run / INDEX).exists():
        AttemptLog(RunIndex(run.parent, run.name), bundle.inspection.system.id).record_sealed(
            bundle, key, written.folder.name
        )
    summary = InspectionSummary.of(written, rule, verbose=arguments.verbose, statements=statements)
    print_summary([summary], arguments)
    write_copies([summary], arguments, registry)
    return summary.code
