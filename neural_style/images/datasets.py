"""The example pictures by name, with the tables of their sources; every SHA-256 is checked.

    names()                                      # -> ["montreal", "fuchun_mountains", …]
    load("montreal", long_side=512)              # -> float32 H×W×3, RGB, 0–255
    path("montreal")                             # -> the path of its file

A picture is searched for in three places, in this order:

1. the folder named by the environment variable ``NEURAL_STYLE_DATA``, as ``<name>.png`` or
   ``<name>.jpg``;
2. the cache, ``$KERAS_HOME/datasets/neural-style`` (by default in ``~/.keras``);
3. its origin on the network. Seven pictures are part of scikit-image, and three paintings,
   starry_night_640, great_wave and shipwreck_640, of this library, and need no network.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import skimage

from neural_style.errors import DatasetError, suggestion
from neural_style.images import io
from neural_style.images.reading import Image
from neural_style.images.size import Size
from neural_style.utils.download import ABSENT, defect, download, has_digest, keras_home, obtain

__all__ = [
    "SOURCES",
    "VARIABLE",
    "cache_folder",
    "load",
    "names",
    "path",
]


def __dir__() -> list[str]:
    return __all__


VARIABLE = "NEURAL_STYLE_DATA"
_GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """A picture's file name and the SHA-256 of its bytes."""

    filename: str
    digest: str

    def accepts(self, path: Path) -> bool:
        """Whether the file's bytes have the published hash."""
        return has_digest(path, self.digest)


@dataclass(frozen=True)
class Wheel(Source):
    """A picture that scikit-image's wheel contains."""

    package: ClassVar[str] = "scikit-image"

    @property
    def path(self) -> Path:
        """The path of the installed file."""
        return Path(skimage.__file__).parent / "data" / self.filename


@dataclass(frozen=True)
class Own(Wheel):
    """A picture that this library's wheel contains."""

    package: ClassVar[str] = "neural-style-keras"

    @property
    def path(self) -> Path:
        """The path of the installed file."""
        return Path(__file__).parent / "pictures" / self.filename


@dataclass(frozen=True)
class Remote(Source):
    """A picture in a file at ``url``."""

    url: str

    @property
    def origin(self) -> str:
        """Its origin, for messages."""
        return self.url

    def fetch(self, part: Path) -> None:
        """Download the file to ``part``; it is not checked yet."""
        download(self.url, part)


@dataclass(frozen=True)
class Displayed(Remote):
    """A picture displayed by the notebook at ``url``: PNG number ``number``, from 1."""

    notebook_digest: str
    number: int

    @property
    def origin(self) -> str:
        """Its origin, for messages."""
        return f"PNG number {self.number} in the notebook {self.url}"

    def fetch(self, part: Path) -> None:
        """Write the picture to ``part`` if the notebook has the published hash."""
        download(self.url, part)
        if not has_digest(part, self.notebook_digest):
            raise DatasetError("the downloaded notebook is corrupt or cut off (its hash is wrong)")
        pictures = _displayed(part.read_bytes())
        if len(pictures) < self.number:
            raise DatasetError(f"the notebook displays {len(pictures)} PNG pictures")
        part.write_bytes(base64.b64decode(pictures[self.number - 1]))


# Gabriel Tseng's notebook has no license, so the library must not contain copies of its pictures.
# pictures/NOTICE.txt has the licenses of the three that are here.
_NOTEBOOK = (
    f"{_GITHUB}/GabrielTseng/LearningDataScience/cb79fe23b573977f57a41b4b2cba67b6aec10d2f"
    "/computer_vision/style_neural_network/Style_Network_w_CoOccurence.ipynb"
)
_NOTEBOOK_DIGEST = "a3aeab41dec66aa7aa279afcf31f7c871a7070c1b5e28d3d3451d74954bad2d9"
_DCRUZ = f"{_GITHUB}/ashwindcruz/style-transfer/dd1730b4e77abb08bcba180882f05fd3eb523e8b/images"

SOURCES: dict[str, Wheel | Remote] = {
    "montreal": Displayed(
        "montreal.png",
        "f6263f0d6df8c43077ea27a673b8200f8d42d4133b8ac4a6eef4eb06a6c6403e",
        _NOTEBOOK,
        _NOTEBOOK_DIGEST,
        1,
    ),
    "fuchun_mountains": Displayed(
        "fuchun_mountains.png",
        "b6ae34985a8c96daaf8c6b3262c54896d680388719ded634073c163b91512c37",
        _NOTEBOOK,
        _NOTEBOOK_DIGEST,
        2,
    ),
    "starry_night": Remote(
        "starry_night.jpg",
        "a4a16fc75999a4aa84f413570ba85fe3ce9ecc084370854ac8d87992c93a15ba",
        f"{_DCRUZ}/starry_night.jpg",
    ),
    "starry_night_640": Own(
        "starry_night_640.jpg", "5bdfd4900fe29a92724f412c8a757fd18d9d9686846b2a714959cb5ad0a5a271"
    ),
    "great_wave": Own(
        "great_wave.jpg", "ef7d3b5479fbcd2bce28eec2b9be5a4eb19577ac4f545bd73226dabe39d2ff71"
    ),
    "shipwreck_640": Own(
        "shipwreck_640.jpg", "31da7a6e4136c5e22c168b5919a07bc811c8758e92e0b890f2c5ec242afb0edb"
    ),
    "coastal_scene": Remote(
        "coastal_scene.jpg",
        "c54233f3ddb68f2c7c12af622173ac51e12f7d91092b5d3fd5346c0cafcb1345",
        f"{_DCRUZ}/coastal_scene.jpg",
    ),
    "perth_skyline": Remote(
        "perth_skyline.jpg",
        "1671e0129f88d64f50657fa0d789d1d795db31a10110c10534c8df1785d0afee",
        f"{_DCRUZ}/perth_skyline.jpg",
    ),
    "astronaut": Wheel(
        "astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
    ),
    "coffee": Wheel(
        "coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"
    ),
    "chelsea": Wheel(
        "chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"
    ),
    "rocket": Wheel(
        "rocket.jpg", "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"
    ),
    "ihc": Wheel("ihc.png", "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef"),
    "hubble_deep_field": Wheel(
        "hubble_deep_field.jpg", "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4"
    ),
    "retina": Wheel(
        "retina.jpg", "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6"
    ),
}


def names() -> list[str]:
    """The names of the example pictures.

    >>> names()[:2]
    ['montreal', 'fuchun_mountains']
    """
    return list(SOURCES)


def load(
    name: str,
    *,
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
) -> Image:
    """Read a picture by its name, with the options of `images.load`.

    >>> load("astronaut", long_side=64).shape
    (64, 64, 3)

    Raises
    ------
    DatasetError
        As `path`.
    OptionError
        More than one size is given, or a size is invalid.
    """
    return io.load(path(name), long_side=long_side, short_side=short_side, size=size)


def path(name: str) -> Path:
    """The path of a picture's file, which is downloaded if necessary.

    Raises
    ------
    DatasetError
        The name is unknown; or the file was not found (the message lists every place, with the
        reason, and the remedy); or ``NEURAL_STYLE_DATA`` does not name a folder; or the file of
        that name in that folder is not the published one. It is not skipped silently.
    """
    if not isinstance(name, str) or name not in SOURCES:
        raise DatasetError(
            f"unknown picture {name!r}: {suggestion(str(name), SOURCES)}. "
            f"Read your own picture with neural_style.images.load."
        )
    source = SOURCES[name]
    looked = []
    if not (folder := os.environ.get(VARIABLE)):
        looked.append(f"{VARIABLE}: not set")
    elif user_file := _in_folder(Path(os.path.expanduser(folder)), name, source):
        return user_file
    else:
        looked.append(f"{VARIABLE}: no {name}.png or {name}.jpg in {folder}")
    if isinstance(source, Wheel):
        place = source.path
        problem = defect(place, source.accepts)
        missing = [f"{place}: {problem}"] if problem else []
        remedy = f"Reinstall {source.package}"
    else:
        place = cache_folder() / source.filename
        missing = obtain(
            place, source.accepts, [(source.origin, source.fetch)], f"the picture {name}"
        )
        remedy = (
            f"Connect to the network, or download the file elsewhere and copy it to {place} "
            f"(KERAS_HOME names another folder)"
        )
    if not missing:
        return place
    raise DatasetError(
        f"the picture {source.filename} was not found. Looked in:\n"
        + "".join(f"  - {line}\n" for line in [*looked, *missing])
        + f"{remedy}, or set the environment variable {VARIABLE} to a folder that contains it, "
        f"or use your own picture: neural_style.images.load('…/picture.png')."
    )


def cache_folder() -> Path:
    """The folder for downloaded pictures, among Keras' datasets."""
    return keras_home() / "datasets" / "neural-style"


def _in_folder(folder: Path, name: str, source: Source) -> Path | None:
    """The user's copy of a picture, or None if the folder has no file of its name."""
    if not os.path.isdir(folder):
        raise DatasetError(
            f"{VARIABLE}: {folder} is not a folder; name the folder with the pictures, "
            f"or unset the variable."
        )
    wrong = []
    for file in (folder / f"{name}.png", folder / f"{name}.jpg"):
        problem = defect(file, source.accepts)
        if problem is None:
            return file
        if problem != ABSENT:
            wrong.append(f"{file}: {problem}")
    if wrong:
        raise DatasetError(
            f"{VARIABLE}: {'; '.join(wrong)}. It is not used for {name!r}: expected the SHA-256 "
            f"{source.digest}. Replace or remove it; or, if it is your own picture, read "
            f"it with neural_style.images.load."
        )
    return None


def _displayed(notebook: bytes) -> list[str]:
    """The PNG pictures that a notebook displays, in order, in base64."""
    try:
        outputs = [
            output for cell in json.loads(notebook)["cells"] for output in cell.get("outputs", [])
        ]
        bundles = [output.get("data", {}) for output in outputs]
        # The format allows a string or a list of lines.
        return ["".join(bundle["image/png"]) for bundle in bundles if "image/png" in bundle]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(f"the downloaded file is not a notebook ({error!r})") from error
