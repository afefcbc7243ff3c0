"""Reads a workload from a Score file: `score.dev/v1b1`, the parts of it that this project builds.

Supported: containers (image, command, args, variables, files, volumes, resources, probes), `service.ports`, resources
of type `volume`, `route`, `environment`, and in a region `vm` and `object-store`. Everything else is refused with its
line and what to write instead.
Placeholders are resolved in variables, files, routes and volume sources, as the reference implementations do; command
and args are passed as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components._score_model import Score
from components._score_reader import Reader
from components._score_text import Surroundings
from inventories.faults import OnshoreError, by_line
from inventories.yaml_source import parse_yaml, read_yaml, validate, validate_rest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.workload import Workload
    from inventories.yaml_source import Document, KeyPath


def read_score(path: Path, environment: Iterable[str] = (), *, name: str = "") -> Workload:
    """The workload of a Score file; raises OnshoreError with all its faults.

    `environment`: the keys that the stack sets for resources of type `environment`. `name`: what faults call the file.
    """
    return _workload(read_yaml(path, name=name), path.parent, environment)


def parse_score(text: str, environment: Iterable[str] = (), *, folder: Path = Path(), name: str = "score") -> Workload:
    """`read_score` for text at hand; `folder` is where its file sources lie."""
    return _workload(parse_yaml(text.encode(), name), folder, environment)


def _workload(document: Document, folder: Path, environment: Iterable[str]) -> Workload:
    score, faults = validate(Score, document)
    left_out: frozenset[KeyPath] = frozenset()
    if score is None:
        score, left_out = validate_rest(Score, document)
    if score is not None:
        reader = Reader(document, folder, Surroundings(score, frozenset(environment)), left_out)
        workload = reader.workload(score)
        faults += reader.faults
        if not faults:
            return workload
    raise OnshoreError(f"{document.name} is not a Score workload that can be built", by_line(faults))
