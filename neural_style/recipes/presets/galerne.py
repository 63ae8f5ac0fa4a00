"""The preset of Galerne, Raad, Lezama & Morel: Gram matrices and moments from coarse to fine."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from neural_style.images import Picture, Size
from neural_style.losses.registry import create
from neural_style.recipes.draft import Draft, Options, Preset

_COARSEST = 1023  # the largest short side, in pixels, of the first scale


def spst(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """Scaling Painting Style Transfer, in its fast mode.

        m(ΔF²) at conv4_2 + Σ_l [1e3/N² · m(Δ(G/M)²) + 1e4 (m(Δμ²) + m(Δσ²))] at conv1_1 … conv5_1

    μ and σ are the means and the standard deviations of channels. Shorter sides of 1024, from the
    content. The scales are halves of the size until the shorter side is at most 1023. L-BFGS, 620
    evaluations at the first scale, 220, 80 and then 40 at the others: max(600/3^s, 30), and a step
    has 20 evaluations, of which the loop starts one more at that number. The source's slow mode is
    ``evaluations=[620, 320, 320, …]``.

    The source keeps the content's own size, and reduces the style to the content's shorter side
    if it is more than a tenth larger; here both get the same shorter side. It rounds the picture
    to 8 bits between scales. Its L-BFGS keeps 100 pairs at the first scale and 10 at others. Here,
    σ is √(variance + 1e-5). Its VGG19 is that of `gatys`. Source:
    bgalerne/scaling_painting_style_transfer, spst.py and vgg_by_blocks.py, read.
    """
    draft = Draft(content, style, options, "short_side", 1024, evaluations=620)
    ones = {f"block{i}_conv1": 1.0 for i in range(1, 6)}
    layers = draft.layers(ones, lambda n, m: 4e3 / n**2)
    preset = draft.preset(
        create("content", draft.photo)
        + create("gram", draft.painting, layers=layers)
        + 1e4 * create("moments", draft.painting, layers=ones)
    )
    if "scales" not in options:
        preset = replace(preset, scales=_scales(draft.size))
    if "evaluations" not in options:
        several = len({*preset.scales, max(draft.size)})
        budgets = [max(600 // 3**i, 30) // 20 * 20 + 20 for i in range(several)]
        preset = replace(preset, evaluations=budgets)
    return preset


def _scales(size: Size) -> tuple[int, ...]:
    """The longer sides of the coarser scales, increasing."""
    shorter, halvings = min(size), 0
    while shorter >> halvings > _COARSEST:
        halvings += 1
    return tuple(round(max(size) / 2**i) for i in range(halvings, 0, -1))
