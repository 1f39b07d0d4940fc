"""Training an ensemble: one run for each member, and a file that holds them all, in a folder of its own."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from deepen import data, folders, job, runs
from deepen.config import RunConfig
from deepen.ensemble import Ensemble, EnsembleEvaluation
from deepen.ensemble_config import EnsembleConfig
from deepen.environment import environment
from deepen.errors import DataError
from deepen.model import Model
from deepen.preparation import Prepared, prepare
from deepen.wording import say, typed

CONFIG = "ensemble.toml"
MEMBERS = "members"


@dataclass(frozen=True)
class EnsembleOutcome:
    """What the training of an ensemble has reached."""

    config: EnsembleConfig
    folder: Path
    test: EnsembleEvaluation


def train(config: EnsembleConfig, program: str = "deepen") -> EnsembleOutcome:
    """Train all members, one after the other, and write them to one file.

    Args:
        config: the settings.
        program: what has to be typed to call this program again, should the training be interrupted.

    Raises:
        DeepenError: as for the training of a single model; the settings of all members are checked first.
    """
    config = replace(config, members=tuple(map(job.anywhere, config.members)))
    first, prepared = config.members[0], _checked(config)
    source, computed_with = prepared.source, {"engine": str(prepared.choice), **environment()}
    contents = folders.described(CONFIG, config.to_toml(), computed_with)
    folder = folders.create(first.runs, f"ensemble-{first.model}-{source.facts.name}", contents)
    return _measured(config, folder, source, _trained(config, folder, program))


def resume(given: Path, program: str = "deepen") -> EnsembleOutcome:
    """Go on with an ensemble that was interrupted: complete members stay, and the others are trained to their end.

    Args:
        given: the folder of the ensemble, or a folder of ensembles: the newest of them is meant.
        program: what has to be typed to call this program again, should the training be interrupted.

    Raises:
        DataError: no ensemble is there.
        FileFormatError: its settings were damaged or changed.
    """
    folder = folders.newest(given, CONFIG)
    if folder is None:
        raise DataError(f"{given} is no ensemble's folder, and there is none in it: an ensemble has an {CONFIG}")
    folder = folder.resolve()
    config = folders.read_settings(folder / CONFIG, EnsembleConfig.from_toml)
    first = config.members[0]
    if (folder / runs.ENSEMBLE).is_file():
        say("the ensemble is complete: nothing is left to train")
        ensemble = Ensemble.load(folder / runs.ENSEMBLE, engine=first.engine, device=first.device)
    else:
        ensemble = _trained(config, folder, program)
    return _measured(config, folder, _source(first), ensemble)


def _checked(config: EnsembleConfig) -> Prepared:
    """Make sure that every member can be trained, and return the first one."""
    prepared: dict[float, Prepared] = {}
    for member in config.members:
        # All draw the same test; the share for the validation may be a recipe's.
        share = member.validation_split
        source = prepared[share].source if share in prepared else None
        prepared.setdefault(share, prepare(member, source))
    return prepared[config.members[0].validation_split]


def _trained(config: EnsembleConfig, folder: Path, program: str) -> Ensemble:
    """Train what is not trained yet, and write all members to one file."""
    place = folder / MEMBERS
    # Members are known by their settings; the folder may have been moved. A dot begins what was not finished.
    found = (path.parent for path in sorted(place.glob(f"[!.]*/{runs.CONFIG}")))
    begun = {_without_place(runs.read_config(run)): run for run in found}
    members = []
    try:
        for number, member in enumerate(config.members, 1):
            recipe = f", recipe {member.recipe}" if member.recipe else ""
            say(f"member {number} of {len(config.members)}: seed {member.seed}{recipe}")
            run = begun.get(_without_place(member))
            outcome = job.train(replace(member, runs=str(place)), "") if run is None else job.resume(run, "")
            # Read again from its file, it needs no memory for training.
            members.append(Model.load(outcome.folder / runs.MODEL, engine=member.engine, device=member.device))
    except KeyboardInterrupt:
        say(f"go on with the whole ensemble: {program} ensemble train --resume {shlex.quote(str(folder))}")
        raise
    ensemble = Ensemble(members, config.average)
    ensemble.save(folder / runs.ENSEMBLE)
    return ensemble


def _measured(config: EnsembleConfig, folder: Path, source: data.Source, ensemble: Ensemble) -> EnsembleOutcome:
    """Measure the ensemble on the test images."""
    dataset = source.load(*ensemble.input_shape[1:])
    return EnsembleOutcome(config, folder, ensemble.evaluate(dataset.test_images, dataset.test_labels))


def ensemble_path(given: str | Path) -> Path:
    """Return the ensemble's file for one, for an ensemble's folder, or a folder of them (the newest).

    Raises:
        DataError: no ensemble is there.
    """
    path = Path(given)
    if path.is_file():
        return path
    if not path.is_dir():
        raise DataError(f"there is no file or folder {path}; `deepen ensemble train` makes ensembles")
    finished = folders.newest(path, runs.ENSEMBLE)
    if finished is None:
        raise DataError(f"there is no {runs.ENSEMBLE} in {path} or in a folder in it; has a training ended?")
    return finished / runs.ENSEMBLE


def next_commands(program: str, folder: Path) -> list[str]:
    """Return commands to try on an ensemble, from the folder in which one stands."""
    place = typed(folder)
    examples = sorted(folder.glob(f"{MEMBERS}/*/{runs.EXAMPLES}"))[:1]
    pictures = [f"{place}/{shlex.quote(str(found.relative_to(folder)))}/*.png" for found in examples]
    return [
        *(f"{program} ensemble predict {place} {each}" for each in pictures),
        f"{program} ensemble evaluate {place}",
    ]


def _source(member: RunConfig) -> data.Source:
    return data.source(member.data, seed=member.split, validation_split=member.validation_split)


def _without_place(member: RunConfig) -> RunConfig:
    return replace(member, runs="")
