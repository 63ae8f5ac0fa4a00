"""Worker: this library. Its options are ``winograd`` and ``tile``, too."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf
from protocol import (
    COARSE,
    CONTENT,
    STYLE,
    STYLE_WEIGHT,
    Array,
    Course,
    Options,
    peak_memory,
    serve,
)
from protocol import pictures as load

from neural_style import LBFGS, FeatureModel, Objective, Step, WeightedSum, minimize
from neural_style.extensions import Content, Gram

IMPORTED = peak_memory()


class Ours:
    """The objective, compiled at the first call."""

    def __init__(self, options: Options) -> None:
        self.content, self.style, self.start = load(options)
        self.options = {"tile": options["tile"]} if options.get("tile") else {}
        self.features = FeatureModel("vgg19", winograd=options.get("winograd", True))

    def loss(self) -> WeightedSum:
        """Gatys' notebook; `Gram` divides by 4."""
        layers = {layer: 4 * STYLE_WEIGHT / n**2 for layer, n in STYLE.items()}
        return Content(self.content, layers=[CONTENT]) + Gram(self.style, layers=layers)

    @functools.cached_property
    def objective(self) -> Objective:
        """With its targets."""
        size = self.start.shape[0], self.start.shape[1]
        objective = Objective(self.loss(), self.features, size, **self.options)
        objective.refresh(self.start, round=0)
        return objective

    def evaluate(self) -> tuple[float, Array]:
        """The loss and its gradient."""
        evaluation = self.objective(self.start)
        return evaluation.loss, evaluation.gradient

    def minimize(self, optimizer: str, course: Course) -> None:
        """With the default optimizer, which tells of accepted iterates only.

        ``optimizer`` is the parameterization, or `COARSE`: of frequencies, with a history of 50,
        a ninth of the evaluations at half the size. The course has the last scale's losses.
        """
        n = course.evaluations
        options: dict[str, Any] = {"parameterization": optimizer, "evaluations": [n]}
        if optimizer == COARSE:
            half = max(self.start.shape[:2]) // 2
            budgets = [n // 9, n - n // 9]
            options = {
                "parameterization": "frequencies",
                "optimizer": LBFGS(50),
                "scales": [half],
                "evaluations": budgets,
            }

        def add(step: Step) -> None:
            if step.scale == len(options["evaluations"]) - 1:
                course.add(step.loss, step.evaluation)

        minimize(
            self.loss(),
            self.features,
            self.start,
            callbacks=[add],
            verbose=False,
            **options,
        )


if __name__ == "__main__":
    serve(f"neural_style, TensorFlow {tf.__version__}, Keras {keras.__version__}", IMPORTED, Ours)
