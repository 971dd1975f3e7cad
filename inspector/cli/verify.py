"""``inspector verify``: is a bundle intact, is its assessment reproduced, and what would the present version say.

Exit code 0: intact, signed by a trusted signer, and nothing speaks against it; 1: not intact, not what the index of its
run lists, or not reproduced by the same versions; 3: signed by an unknown signer, larger than what is read, or beside
an index of the run whose signature is missing.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.inputs import read_settings, settings_file
from inspector.cli.language import translated
from inspector.cli.verification import describe, describe_intact
from inspector.declare.settings import PREFIX, Settings
from inspector.model.errors import BundleError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.record.assessment import Assessment
from inspector.regime.loader import load_all
from inspector.regime.selection import with_transitions
from inspector.registry.registry import installed
from inspector.seal import Bundle, SigningKey, verify
from inspector.seal.export import unpack
from inspector.seal.layout import CAPTURE
from inspector.seal.manifest import fault_of
from inspector.seal.signing import default_path
from inspector.seal.verify import Intact

INTACT, ALTERED, UNKNOWN_SIGNER = 0, 1, 3


def verify_bundle(folder: Path, settings: Path | None, trusted: tuple[str, ...], *, verbose: bool = False) -> int:
    """Print the three answers about a bundle, or about the one in an exported file.

    The signing key of this machine, if it has one, is trusted.
    """
    if folder.is_file():
        with tempfile.TemporaryDirectory(prefix="inspector-") as place:
            try:
                # Below two folders of its own, so that nothing beside it counts as the index of its run.
                unpacked = unpack(folder, Path(place) / "run" / "system")
            except BundleError as error:
                fault = fault_of(folder.name, error)
                terminal.print_result(describe_intact(Intact(faults=(fault,)), translated))
                return UNKNOWN_SIGNER if fault.limit else ALTERED
            return _verify(unpacked, settings, trusted, verbose=verbose)
    if not folder.is_dir():
        raise UsageError(
            FormattedMessage("{folder}: there is no such folder", folder=folder),
            remedy="give the folder of an inspection: out/RUN/SYSTEM/ID, or a file of 'inspector bundle export'",
        )
    if not (folder / CAPTURE).is_dir() and (folder.parent / CAPTURE).is_dir():
        raise UsageError(
            FormattedMessage("{folder}: is a part of a bundle, not a bundle", folder=folder),
            remedy=FormattedMessage("give the folder of the inspection: {parent}", parent=folder.parent),
        )
    return _verify(folder, settings, trusted, verbose=verbose)


def _verify(folder: Path, settings: Path | None, trusted: tuple[str, ...], *, verbose: bool) -> int:
    own = read_settings(settings)
    registry = installed()
    known = load_all(registry.profiles)

    def again(bundle: Bundle, before: Assessment) -> Assessment:
        regimes = (bundle.inspection.regime, *with_transitions(known))
        exact = [each for each in regimes if (each.id, each.version) == (before.regime, before.regime_version)]
        regime = next(iter((*exact, *(each for each in known if each.id == before.regime))), None)
        options = AssessmentOptions(
            as_of=before.as_of,
            regime=regime,
            next_regime=next((each for each in known if each.id == before.next_regime), None),
            level=before.level,
            statements=before.statements,
            tables=before.tables,
            reparse=before.reparse,
        )
        return run_async(assess_bundle(bundle, registry, options))

    sources = trust_sources(own, settings, trusted)
    answer = verify(folder, trusted=sources, reassess=again)
    terminal.print_result(describe(answer, translated, sources, verbose=verbose))
    listed = answer.listed
    by_stranger = bool(listed.signers) and not listed.trusted
    differs = bool(answer.before.faults) or bool(listed.faults and not by_stranger)
    if answer.intact.altered or not answer.reproduced.holds or differs:
        return ALTERED
    return INTACT if answer.intact.trusted and not by_stranger and not listed.unsigned else UNKNOWN_SIGNER


def trust_sources(own: Settings, given: Path | None, trusted: tuple[str, ...]) -> dict[str, str]:
    """The trusted key ids, each with where the trust comes from; never from the folder of the bundle."""
    variable = f"{PREFIX}TRUSTED_SIGNERS"
    file = variable if variable in os.environ else str(given or settings_file())
    sources = {keyid.strip().lower(): "--trusted" for keyid in trusted}
    sources |= dict.fromkeys(own.trusted_signers, file)
    here = SigningKey.existing(own.signing_key)
    return sources | ({here.keyid: str(own.signing_key or default_path())} if here else {})
