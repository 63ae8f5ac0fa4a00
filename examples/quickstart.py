"""Paint a photo in the style of a painting: the shortest example.

    python examples/quickstart.py                                    # pictures that come with it
    python examples/quickstart.py photo.jpg painting.jpg -o out.png  # your own
    python examples/quickstart.py --figure examples/quickstart.jpg   # photo, painting and result

Without arguments it paints scikit-image's photo of a rocket at night in the style of *The Starry
Night*, which comes with this library. `CREDITS.md` lists the pictures.
"""

import argparse
import logging

import numpy as np

import neural_style as ns
from neural_style import images

ns.tune_tensorflow()  # before TensorFlow is imported: faster, with less memory, fewer messages


def main() -> None:
    """Read the command line, paint, and print the path of the result."""
    parser = argparse.ArgumentParser(description="Paint a photo in the style of a painting.")
    parser.add_argument("photo", nargs="?", help="instead of the rocket")
    parser.add_argument("painting", nargs="?", help="instead of The Starry Night")
    parser.add_argument("-o", "--output", default="quickstart.png")
    parser.add_argument("--size", type=int, default=288, help="longer side in pixels")
    parser.add_argument("--evaluations", type=int, help="at each scale; by default 40 to 20")
    parser.add_argument("--strength", type=float, help="of the style, from 0 to 1; 0.5")
    parser.add_argument("--figure", help="a picture of photo, painting and result to write, too")
    options = parser.parse_args()
    photo = options.photo or ns.datasets.path("rocket")
    painting = options.painting or ns.datasets.path("starry_night_640")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        result = ns.transfer(
            photo,
            painting,
            size=options.size,
            evaluations=options.evaluations,
            strength=options.strength,
            output=options.output,
        )
        if options.figure:
            shown = [images.load(photo), images.load(painting), result.image]
            rows = result.image.shape[0]
            sizes = [(rows, round(rows * each.shape[1] / each.shape[0])) for each in shown]
            resized = [images.resize(p, size=s) for p, s in zip(shown, sizes, strict=True)]
            images.save(np.hstack(resized), options.figure)
    except ns.errors.StyleError as error:
        parser.exit(2, f"{error}\n")
    print(f"Wrote {options.output} ({result}).")


if __name__ == "__main__":
    main()
