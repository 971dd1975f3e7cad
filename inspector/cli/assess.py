"""``inspector assess``: judge a sealed bundle again, under other rules or at another date, without a packet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inspector.cli.inputs import instant, read_settings, regime_of, statements_of
from inspector.cli.run import Wish, file, settle, tell
from inspector.pipeline.reassess import Terms, assess_bundle
from inspector.regime.loader import load_all
from inspector.regime.selection import next_regime
from inspector.registry.registry import installed
from inspector.seal import Bundle, SigningKey


@dataclass(frozen=True, slots=True)
class Again:
    """What is different this time; None keeps what the capture was planned with."""

    regime: str | None = None
    level: int | None = None
    as_of: str | None = None
    statements: tuple[Path, ...] = ()
    decisions: tuple[Path, ...] = ()
    reparse: bool = False


def assess_again(folder: Path, again: Again, wish: Wish, settings: Path | None) -> int:
    """Judge, write the assessment beside the others, and print the summary."""
    registry = installed()
    wish.names(registry)
    gate = wish.gate()
    own = read_settings(settings)
    bundle = Bundle.open(folder)
    as_of = instant(again.as_of)
    known = load_all(registry.profiles)
    regime = None
    if again.regime is not None or again.as_of is not None:
        regime = regime_of(again.regime, bundle.inspection.system, as_of, known)
    terms = Terms(
        as_of=as_of,
        regime=regime,
        next_regime=next_regime(known, regime) if regime else None,
        level=again.level,
        statements=statements_of(again.statements, again.decisions, own)
        if again.statements or again.decisions
        else None,
        reparse=again.reparse,
    )
    assessment = settle(assess_bundle(bundle, registry, terms))
    made = file(bundle, assessment, registry, wish, gate, SigningKey.load_or_create(own.signing_key))
    tell([made], wish, registry)
    return made.code
