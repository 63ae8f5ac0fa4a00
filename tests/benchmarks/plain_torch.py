"""Worker: the objective in plain PyTorch, channels last, as one would write it by hand."""

from __future__ import annotations

import functools
import os
from typing import Any, TypeAlias

import h5py
import numpy as np
import torch
from protocol import CONTENT, STYLE, STYLE_WEIGHT, Array, Course, Options, peak_memory, serve
from protocol import pictures as load
from scipy.optimize import minimize
from torch.nn import functional

IMPORTED = peak_memory()

Tensor: TypeAlias = Any
MEAN = np.array([103.939, 116.779, 123.68], np.float32)
CONVOLUTIONS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 1}  # of each block, as far as the loss reads


def to_tensor(image: Array) -> Tensor:
    """RGB, 0–255, H×W×3, as VGG takes it: BGR without the mean, 1×3×H×W."""
    planes = torch.from_numpy((image[..., ::-1] - MEAN).transpose(2, 0, 1)[None])
    return planes.contiguous(memory_format=torch.channels_last)


def to_array(gradient: Tensor) -> Array:
    """Back to H×W×3, RGB."""
    return np.ascontiguousarray(gradient[0].permute(1, 2, 0).numpy()[..., ::-1])


def gram(f: Tensor) -> Tensor:
    """FᵀF / M."""
    rows = f.permute(0, 2, 3, 1).reshape(-1, f.shape[1])
    return rows.T @ rows / rows.shape[0]


class PlainTorch:
    """VGG19 with Keras' weights, and the loss of Gatys' notebook."""

    def __init__(self, options: Options) -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        self.pictures = load(options)
        self.weights: dict[str, tuple[Tensor, Tensor]] = {}
        with h5py.File(options["weights"]) as file:
            for block, count in CONVOLUTIONS.items():
                for name in (f"block{block}_conv{i}" for i in range(1, count + 1)):
                    kernel = torch.from_numpy(file[f"{name}/{name}_W_1:0"][()])
                    kernel = kernel.permute(3, 2, 0, 1).contiguous(
                        memory_format=torch.channels_last
                    )
                    self.weights[name] = kernel, torch.from_numpy(file[f"{name}/{name}_b_1:0"][()])

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """The activations that the loss reads."""
        found = {}
        for name, (kernel, bias) in self.weights.items():
            if name.endswith("conv1") and name != "block1_conv1":
                x = functional.max_pool2d(x, 2)
            x = functional.relu(functional.conv2d(x, kernel, bias, padding=1))
            if name in STYLE or name == CONTENT:
                found[name] = x
        return found

    def targets(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The content's features and the style's Gram matrices."""
        content, style, _ = self.pictures
        with torch.no_grad():
            photo = self.features(to_tensor(content))[CONTENT]
            painting = self.features(to_tensor(style))
            return photo, {layer: gram(painting[layer]) for layer in STYLE}

    @functools.cached_property
    def problem(self) -> tuple[Tensor, tuple[Tensor, dict[str, Tensor]]]:
        """The variable, at the start, and the targets. torch.optim.LBFGS wants it contiguous."""
        return to_tensor(self.pictures[2]).contiguous().requires_grad_(), self.targets()

    def loss(self) -> Tensor:
        """The loss at the variable, its gradient taken."""
        x, (content, style) = self.problem
        x.grad = None
        found = self.features(x.contiguous(memory_format=torch.channels_last))
        loss = functional.mse_loss(found[CONTENT], content)
        for layer, n in STYLE.items():
            loss = loss + STYLE_WEIGHT / n**2 * functional.mse_loss(
                gram(found[layer]), style[layer]
            )
        loss.backward()
        return loss.detach()

    def evaluate(self) -> tuple[float, Array]:
        """The loss and its gradient."""
        loss = float(self.loss())
        return loss, to_array(self.problem[0].grad)

    def minimize(self, optimizer: str, course: Course) -> None:
        """By torch.optim.LBFGS as it comes, or by SciPy as this library has it."""
        x, _ = self.problem
        if optimizer == "torch":

            def closure() -> Tensor:
                loss = self.loss()
                course.add(float(loss))
                return loss

            lbfgs = torch.optim.LBFGS([x])
            while True:
                lbfgs.step(closure)

        def value_and_gradient(flat: Any) -> tuple[float, Any]:
            with torch.no_grad():
                x.copy_(torch.from_numpy(flat.reshape(x.shape)))
            loss = float(self.loss())
            course.add(loss)
            return loss, x.grad.numpy().ravel().astype(np.float64)

        options = {"maxcor": 20, "maxfun": np.inf, "maxiter": 10**9, "ftol": 0.0, "gtol": 0.0}
        start = x.detach().numpy().ravel().astype(np.float64)
        minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)


if __name__ == "__main__":
    serve(f"PyTorch {torch.__version__}", IMPORTED, PlainTorch)
