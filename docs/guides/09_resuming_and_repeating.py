"""
Resuming and repeating a run
============================

A run of hours can end at any moment. Nothing of it has to be lost, and it can be done again.
"""

import tempfile
from pathlib import Path

from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram

photo = ns.datasets.load("coffee", long_side=128)
painting = ns.datasets.load("great_wave", long_side=128)
features = ns.FeatureModel("vgg19")
loss = Content(photo) + 1e-2 * Gram(painting)
folder = Path(tempfile.mkdtemp())

# %%
# Resuming
# --------
# With ``checkpoint``, a run writes its state now and then. This one is stopped by a callback after
# 30 evaluations, as a power cut would do it.


def power_cut(step):
    if step.evaluation >= 30:
        raise RuntimeError("the power is gone")


options = {"evaluations": 60, "verbose": False}
try:
    ns.minimize(
        loss,
        features,
        photo,
        checkpoint=folder / "run",
        checkpoint_every=20,
        callbacks=[power_cut],
        **options,
    )
except RuntimeError as error:
    stopped = error.result

resumed = ns.resume(folder / "run", verbose=False)
whole = ns.minimize(loss, features, photo, **options)
show(stopped=stopped, resumed=resumed, in_one_go=whole)
print("the same bits:", bool((resumed.image == whole.image).all()))

# %%
# Repeating
# ---------
# A record has the losses, settings, versions, and hashes of weights and pictures. `ns.rerun` makes
# the picture again, and says what is different on this machine.

whole.save_record(folder / "record")
print(ns.rerun(folder / "record", verbose=False))

# %%
# A result in one file
# --------------------
# The picture unrounded, the history and the record.

whole.save(folder / "coffee.npz")
print(ns.Result.load(folder / "coffee.npz"))
