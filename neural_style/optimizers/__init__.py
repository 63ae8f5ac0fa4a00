"""Optimizers and the parameterizations of a picture."""

from neural_style.optimizers import parameterization as parameterization
