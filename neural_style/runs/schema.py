"""The schema of the files of runs, in one file so that the whole format can be read at once.

The schema is typed classes, and the validation of JSON against them.

    record = read(content, Record, "record.json")    # JSON in UTF-8
    check(value, Record, "record")                   # parsed JSON

Checking is strict: a text is not a number, and true is not 1. A field that is unknown or missing
is an error, and so is a number out of its range. Pydantic checks, and its errors have the field
and the value. Nothing that a file names is imported or evaluated.

A digest is `neural_style.images.digest`: the SHA-256 of the shape and the float32 values.
"""

from __future__ import annotations

import functools
import json
import sys
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from neural_style.errors import MOST, MOST_SEED, RecordError, shown

_T = TypeVar("_T")

VERSION = 2
_DEPTH = 50  # of what is JSON of any kind
_FIELDS = 10**5  # of an object: pydantic collects an error for each


def _plain(value: Any, depth: int = 0) -> Any:
    """Any JSON whose numbers and depth are allowed in a record."""
    if depth > _DEPTH:
        raise ValueError(f"should be nested at most {_DEPTH} deep")
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, dict | list):
            _plain(each, depth + 1)
        elif isinstance(each, int | float):
            most = MOST_SEED if isinstance(each, int) else sys.float_info.max
            if not abs(each) <= most:
                raise ValueError(
                    f"should have finite numbers of at most 128 bits, got {shown(each)} for "
                    f"{shown(name)}"
                )
    return value


Count = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Total = Annotated[int, Field(ge=0, le=MOST**2)]  # of all scales together
TermIndex = Annotated[int, Field(ge=-1, le=MOST)]  # a restart is below the terms
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, lt=1e12)]
Items: TypeAlias = Annotated[list[_T], Field(fail_fast=True)]
Options = Annotated[dict[str, Any], AfterValidator(_plain)]


class Configured(TypedDict):
    """An object made from its options; for a user's class, ``options`` has those JSON allows."""

    config: Options | None
    options: NotRequired[Options]


class Term(Configured):
    """A loss of a sum, as `WeightedSum.get_config` returns it.

    If a loss is not registered, or JSON cannot express its options, ``loss`` is its class, and
    ``config`` is null. ``references`` are digests. ``masks`` are the digest of the loss's own mask
    and a list of the references' digests.
    """

    loss: str
    weight: Number
    references: Items[str]
    masks: Items[str | Items[str]] | None


class Terms(TypedDict):
    """A sum of losses."""

    terms: Items[Term]


class Features(TypedDict):
    """What `FeatureModel.get_config` returns."""

    network: str
    pooling: str | None
    weights: str
    preprocess: str | None
    padding: str
    winograd: bool
    sha256: str


class Optimizer(Configured):
    """An optimizer; for a user's class, ``options`` has the part of its config JSON allows."""

    class_name: str


class Parameterization(Configured):
    """A parameterization; for a user's class, ``options`` has the attributes JSON allows."""

    name: str


class Settings(TypedDict):
    """The arguments of `neural_style.minimize`."""

    scales: Items[Positive]
    evaluations: Positive | Items[Positive]
    optimizer: Optimizer
    restart_every: Positive | None
    clip: str
    parameterization: Parameterization
    seed: Seed
    tile: Positive | None
    average: NotRequired[Number | None]
    margin: NotRequired[Count]


class Threads(TypedDict):
    """TensorFlow's numbers of threads; 0 means that TensorFlow chooses."""

    intra_op: Count
    inter_op: Count


class Environment(TypedDict):
    """What the bits can depend on besides the inputs.

    ``variables`` are the environment variables that TensorFlow started with.
    """

    python: str
    packages: dict[str, str]
    system: str
    processor: str
    cores: Count
    devices: Items[str]
    variables: dict[str, str]
    threads: Threads


class Value(TypedDict):
    """The objective at a picture, and the picture's scale."""

    loss: Number
    terms: dict[str, Number]
    weighted: dict[str, Number]
    scale: Total


class Outcome(Value):
    """The outcome of a run: ``picture`` is a digest, ``peak_memory`` is in bytes."""

    picture: str
    evaluations: Total
    rounds: Total
    seconds: Seconds
    evaluations_per_second: Annotated[float, Field(ge=0, le=MOST**2)]
    peak_memory: Annotated[int, Field(ge=0, le=2**63)] | None
    reason: str
    ending: str | None


class Checkpoint(TypedDict):
    """The checkpoints of a run: its name, how often they are written, and its output."""

    run: str
    every: Positive
    output: str | None


class Record(TypedDict):
    """Everything that is needed to repeat a run.

    ``start`` is the digest of the picture that it began with. ``chroma`` is the digest of the
    picture whose colors the result has, and ``palette`` of the one that these were matched to.
    ``opacity`` is the digest of the result's opacity. ``pictures`` are shapes by digest: height,
    width and 3; for a mask or an opacity, height and width. In the folder of a run with
    checkpoints, ``outcome`` is null and ``checkpoint`` is not.
    """

    schema: Literal[2]
    loss: Terms
    features: Features
    start: str
    chroma: str | None
    palette: NotRequired[str | None]
    opacity: NotRequired[str | None]
    pictures: dict[str, Items[Positive]]
    settings: Settings
    environment: Environment
    outcome: Outcome | None
    checkpoint: Checkpoint | None


class Due(TypedDict):
    """A term, and the evaluation from which its targets are due to be measured again."""

    term: TermIndex
    evaluation: Total


class Refresh(TypedDict):
    """A round that began with a refresh, and the terms that were due."""

    round: Total
    due: Items[TermIndex]


class Best(Value):
    """The lowest loss of a round; its picture is among the arrays."""

    round: Total


class RunState(TypedDict):
    """The state of a run at an iterate, without arrays; ``run`` is its name, as in `Checkpoint`."""

    run: str
    scale: Total
    evaluation: Annotated[int, Field(ge=1, le=MOST**2)]
    round: Total
    end: Total
    round_end: Total
    due_at: Items[Due]
    first: Total
    seconds: Seconds
    refreshes: Items[Refresh]
    terms: Items[str]
    best: Best | None
    averaged: NotRequired[Total]


class AnyValue(TypedDict):
    """As `Value`, with its time; numbers may be NaN or infinite, as in results of other runs."""

    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    scale: Total
    seconds: float


class Entry(AnyValue):
    """A line of a history, as `neural_style.runs.result.Entry`."""

    evaluation: Total
    round: Total


class Result(AnyValue):
    """A `neural_style.Result` without its arrays."""

    history: Items[Entry]
    evaluations: Total
    rounds: Total
    seed: Seed
    reason: str
    ending: str | None
    record: Record | None


class Saved(TypedDict):
    """A saved result; in a sweep, also its settings and the digests of what it depends on."""

    schema: Literal[2]
    result: Result
    settings: NotRequired[dict[str, Any]]
    digests: NotRequired[dict[str, str]]


def read(content: bytes, kind: type[_T], name: str) -> _T:
    """Parse JSON in UTF-8, from a file of this name, and `check` it.

    Raises
    ------
    RecordError
        The content is not JSON in UTF-8, or does not match the class ``kind``.
    """
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{name}: expected JSON in UTF-8, got none ({error}).") from error
    remedy = "; use an unchanged copy, and the version of neural-style-keras that wrote it"
    return check(value, kind, name, remedy)


def check(value: object, kind: type[_T], name: str, remedy: str = "") -> _T:
    """Check a value of JSON against a class of this module; errors call it ``name``.

    Raises
    ------
    RecordError
        The value does not match the class ``kind``.
    """
    try:
        checked: _T = _adapter(kind).validate_python(value, strict=True, extra="forbid")  # type: ignore[arg-type]
        return checked
    except ValidationError as error:
        # Of alternatives, the one that fits furthest.
        worst = max(error.errors(include_url=False), key=lambda each: len(each["loc"]))
        what = {"missing": "is missing", "extra_forbidden": "is not a known field"}.get(
            worst["type"], worst["msg"].removeprefix("Value error, ").removeprefix("Input ")
        )
        got = f", got {shown(worst['input'])}" if worst["msg"].startswith("Input ") else ""
        place = _place(value, worst["loc"])
        raise RecordError(f"{name}: {place} {what}{got}{remedy}.") from None


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _place(value: Any, keys: tuple[int | str, ...]) -> str:
    """The place in a value that these keys lead to; some keys only name alternatives."""
    place = ""
    for key in keys:
        if isinstance(value, dict):
            place += f".{key:.70}" if place else f"{key:.70}"
            value = value.get(key)
        elif isinstance(key, int):
            place += f"[{key}]"
            value = value[key]
    return place or "the document"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("an object has a field twice")
    if len(found) > _FIELDS:
        raise ValueError(f"an object has more than {_FIELDS:,} fields")
    return found
