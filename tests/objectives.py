"""Objectives whose targets are measured, for tests of what they are."""

from __future__ import annotations

from typing import Any

from neural_style import FeatureModel, Objective
from neural_style.images import Image
from neural_style.objective.objective import Evaluation


def ready(loss: Any, features: FeatureModel, image: Image, **options: Any) -> Objective:
    """An objective for pictures of the image's size, its targets measured at the image."""
    objective = Objective(loss, features, (image.shape[0], image.shape[1]), **options)
    objective.refresh(image, round=0)
    return objective


def evaluated(loss: Any, features: FeatureModel, image: Image, **options: Any) -> Evaluation:
    """The evaluation at the image, too."""
    return ready(loss, features, image, **options)(image)
