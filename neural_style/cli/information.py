"""`score`, and commands that show losses, presets, weights and the machine."""

from __future__ import annotations

import inspect
import platform
import time
from pathlib import Path
from typing import Any

import click

from neural_style.cli import checks, options
from neural_style.cli.group import FAILED, answer, answer_options, leave, start
from neural_style.cli.presets import texts as preset_texts
from neural_style.cli.recipe import DEFAULT
from neural_style.cli.types import COUNT, FILE, SEED, SIDE
from neural_style.errors import RegistryError


@click.command()
@click.argument("picture", type=FILE)
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("--style-size", type=SIDE, help="Longer side of the style; by default PICTURE's.")
@click.option("--directions", type=COUNT, help="Random directions of style_wasserstein; 64.")
@click.option("--positions", type=COUNT, help="Positions of content_self_similarity; 1024.")
@click.option("--seed", type=SEED, help="The seed of both; 0.")
@options.model_options
@answer_options
def score(picture: Path, photo: Path, painting: Path, **given: Any) -> None:
    """Compare PICTURE with PHOTO and PAINTING.

    The figures measure how near PICTURE is to its content, PHOTO, and its style, PAINTING.
    """
    checks.begin(given, picture, photo, painting)
    import neural_style as ns

    image = ns.images.load(picture)
    size = image.shape[0], image.shape[1]
    style_size = max(size) if given["style_size"] is None else given["style_size"]
    scores = ns.score(
        image,
        ns.images.load(photo, size=size),
        ns.images.load(painting, long_side=style_size),
        features=options.features(given),
        **{n: given[n] for n in ("directions", "positions", "seed") if given[n] is not None},
    )
    answer(str(scores), scores.as_dict(), as_json=given["as_json"])


@click.command()
@click.argument("names", nargs=-1)
@answer_options
def losses(names: tuple[str, ...], as_json: bool, **_: Any) -> None:
    """Show the installed losses.

    For each loss, or those in NAMES: its description, its options and its owner.
    """
    from neural_style.losses import registry

    for name in names:
        if name != DEFAULT:
            registry.path_of(name)
    start()
    from neural_style import default_loss

    found: dict[str, Any] = {}
    for name in names or [*registry.names(), DEFAULT]:
        if name == DEFAULT:
            found[name] = {
                "owner": "neural_style:default_loss",
                "role": "content and style",
                "options": {},
                "text": inspect.getdoc(default_loss),
            }
            continue
        try:
            factory, owner = registry.find(name)
        except RegistryError as error:
            if names:
                raise
            found[name] = {"owner": "", "role": "", "options": {}, "text": str(error)}
            continue
        parameters = inspect.signature(factory).parameters.values()
        found[name] = {
            "owner": owner,
            "role": getattr(factory, "role", "style"),
            "options": {
                p.name: None if p.default is p.empty else repr(p.default)
                for p in parameters
                if p.kind is p.KEYWORD_ONLY or p.default is not p.empty
            },
            "text": (inspect.getdoc(factory) or "").partition("\n\nParameters")[0],
        }
    lines = []
    for name, each in found.items():
        taken = ", ".join(f"{option}={default}" for option, default in each["options"].items())
        text = each["text"].replace("\n", "\n    ")
        lines += [f"{name} ({each['owner']})", f"    {text}", f"    options: {taken}"]
        lines += [f"    reference: {each['role']}", ""]
    answer("\n".join(lines).rstrip(), found, as_json=as_json)


@click.command()
@click.argument("names", nargs=-1)
@answer_options
def presets(names: tuple[str, ...], as_json: bool, **_: Any) -> None:
    """List the published objectives.

    With NAMES, describe these in full.
    """
    for name in names:
        checks.check_preset(name)
    texts = {name: text for name, text in preset_texts().items() if name in names or not names}
    if names:
        text = "\n\n".join(f"{name}: {each}" for name, each in texts.items())
    else:
        text = "\n".join(f"{name:<22}{each.splitlines()[0]}" for name, each in texts.items())
    answer(text, texts, as_json=as_json)


@click.command()
@click.argument("network", default="vgg19")
@click.option("--fetch", is_flag=True, help="Download the weights if they are missing.")
@answer_options
def weights(network: str, fetch: bool, as_json: bool, **_: Any) -> None:
    """Show where a network's weights are.

    Also show whether they have the published hash.
    """
    from neural_style.errors import OptionError, suggestion
    from neural_style.features import weights as files
    from neural_style.utils import download

    if network not in files.SOURCES:
        raise OptionError(f"no weights for {network!r}: {suggestion(network, files.SOURCES)}.")
    source = files.SOURCES[network]
    path = files.find(network) if fetch else files.cache_folder() / source.filename
    problem = download.defect(path, source.accepts)
    state = {None: "good", download.ABSENT: "missing"}.get(problem, "damaged")
    why = f": {problem}" if state == "damaged" else ""
    remedy = "" if state == "good" else f"{why}; neural-style weights {network} --fetch"
    found = {"network": network, "path": str(path), "state": state}
    answer(f"{path}: {state}{remedy}", found, as_json=as_json)
    if state != "good":
        leave(FAILED)


@click.command()
@options.model_options
@answer_options
def doctor(**given: Any) -> None:
    """Show versions, devices, memory and speed.

    The speed is that of one small evaluation.
    """
    checks.begin(given)
    import neural_style as ns
    from neural_style.recipes import draft
    from neural_style.utils import environment, machine
    from neural_style.utils.backend import tf

    model = options.features(given)
    model = model or draft.pretrained("vgg19", "max", "caffe")
    picture = ns.images.noise((64, 64))
    objective = ns.Objective(ns.create("gram", picture), model, (64, 64))
    objective.refresh(picture, round=0)
    seconds = []
    for _ in range(3):  # the first compiles
        began = time.perf_counter()
        objective(picture)
        seconds.append(time.perf_counter() - began)
    free = machine.available_memory()
    found: dict[str, Any] = {
        "python": platform.python_version(),
        **environment.versions(),
        "system": platform.platform(),
        "devices": [device.name for device in tf.config.list_physical_devices()],
        "free memory, MB": None if free is None else free // 10**6,
        "first evaluation of 64×64, s": round(seconds[0], 3),
        "evaluation of 64×64, s": round(min(seconds[1:]), 3),
    }
    text = "\n".join(f"{name:<30}{value}" for name, value in found.items())
    answer(text, found, as_json=given["as_json"])
