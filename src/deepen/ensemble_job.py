"""Training an ensemble: one run for each member, and a file that holds them all, in a folder of its own."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from deepen import data, engines, folders, job, runs
from deepen.config import RunConfig
from deepen.ensemble import Ensemble, EnsembleEvaluation
from deepen.ensemble_config import EnsembleConfig
from deepen.environment import environment
from deepen.errors import DataError, FileFormatError, UsageError
from deepen.model import Model

CONFIG = "ensemble.toml"
ENSEMBLE = "ensemble.safetensors"
MEMBERS = "members"


@dataclass(frozen=True)
class EnsembleOutcome:
    """What the training of an ensemble has reached."""

    config: EnsembleConfig
    folder: Path
    test: EnsembleEvaluation


def train(config: EnsembleConfig) -> EnsembleOutcome:
    """Train all members, one after the other, and write them to one file.

    Raises:
        DeepenError: as for the training of a single model.
    """
    config = replace(config, members=tuple(map(job.anywhere, config.members)))
    first = config.members[0]
    choice, source = engines.choose(first.engine, first.device), _source(first)
    computed_with = {"engine": str(choice), **environment()}
    contents = {
        CONFIG: folders.sealed(config.to_toml()),
        "environment.json": (json.dumps(computed_with, indent=2) + "\n").encode(),
    }
    folder = folders.create(first.runs, f"ensemble-{first.model}-{source.facts.name}", contents)
    return _measured(config, folder, source, _trained(config, folder))


def resume(folder: Path) -> EnsembleOutcome:
    """Go on with an ensemble that was interrupted: complete members stay, and the others are trained to their end.

    Raises:
        DataError: it is no ensemble's folder.
        FileFormatError: its settings were damaged or changed.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise DataError(f"{folder} is no ensemble's folder: there is no {CONFIG} in it")
    try:
        config = EnsembleConfig.from_toml(folders.read_sealed(path))
    except UsageError as error:
        raise FileFormatError(f"{path} has settings that this deepen does not know: {error}") from error
    folder, first = folder.resolve(), config.members[0]
    if (folder / ENSEMBLE).is_file():
        _say("the ensemble is complete: nothing is left to train")
        ensemble = Ensemble.load(folder / ENSEMBLE, engine=first.engine, device=first.device)
    else:
        ensemble = _trained(config, folder)
    return _measured(config, folder, _source(first), ensemble)


def _trained(config: EnsembleConfig, folder: Path) -> Ensemble:
    """Train what is not trained yet, and write all members to one file."""
    place = folder / MEMBERS
    # Members are known by their settings; the folder may have been moved.
    begun = {_without_place(runs.read_config(run)): run for run in sorted(place.glob("[!.]*"))}
    members = []
    try:
        for number, member in enumerate(config.members, 1):
            recipe = f", recipe {member.recipe}" if member.recipe else ""
            _say(f"member {number} of {len(config.members)}: seed {member.seed}{recipe}")
            run = begun.get(_without_place(member))
            outcome = job.train(replace(member, runs=str(place))) if run is None else job.resume(run)
            # Read again from its file, it needs no memory for training.
            members.append(Model.load(outcome.folder / runs.MODEL, engine=member.engine, device=member.device))
    except KeyboardInterrupt:
        _say(f"go on with the whole ensemble: deepen ensemble train --resume {shlex.quote(str(folder))}")
        raise
    ensemble = Ensemble(members, config.average)
    ensemble.save(folder / ENSEMBLE)
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
    if (path / ENSEMBLE).is_file():
        return path / ENSEMBLE
    # The names of the folders begin with date and time.
    finished = sorted(path.glob(f"*/{ENSEMBLE}"))
    if not finished:
        raise DataError(f"there is no {ENSEMBLE} in {path} or in a folder in it; has a training ended?")
    return finished[-1]


def next_commands(program: str, folder: Path) -> list[str]:
    """Return commands to try on an ensemble, from the folder in which one stands."""
    here = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    place = shlex.quote(str(here))
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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
