"""Packages are found, but for the losses in extensions/.

Their place in the package is a symlink, which a checkout on Windows has as a text file.
"""

from setuptools import find_packages, setup

LOSSES = "neural_style.extensions"

setup(
    packages=[*find_packages(include=["neural_style*"], exclude=[f"{LOSSES}*"]), LOSSES],
    package_dir={LOSSES: "extensions"},
)
