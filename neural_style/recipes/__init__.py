"""Complete uses of the library: transfer, presets, balanced weights, scores."""

from neural_style.recipes import presets as presets
