"""Paint a photo in the style of a painting: the shortest example.

    python examples/quickstart.py                                    # pictures from scikit-image
    python examples/quickstart.py photo.jpg painting.jpg -o out.png  # your own

Without arguments it paints scikit-image's cat Chelsea in the style of a stained tissue, which
has strokes and two inks like a drawing.
"""

import argparse
import logging

import neural_style as ns

ns.tune_tensorflow()  # before TensorFlow is imported: faster, with less memory, fewer messages


def main() -> None:
    """Read the command line, paint, and print the path of the result."""
    parser = argparse.ArgumentParser(description="Paint a photo in the style of a painting.")
    parser.add_argument("photo", nargs="?", help="instead of the cat")
    parser.add_argument("painting", nargs="?", help="instead of the tissue")
    parser.add_argument("-o", "--output", default="quickstart.png")
    parser.add_argument("--size", type=int, default=288, help="longer side in pixels")
    parser.add_argument("--evaluations", type=int, default=90)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        result = ns.transfer(
            options.photo or ns.datasets.path("chelsea"),
            options.painting or ns.datasets.path("ihc"),
            size=options.size,
            evaluations=options.evaluations,
            output=options.output,
        )
    except ns.errors.StyleError as error:
        parser.exit(2, f"{error}\n")
    print(f"Wrote {options.output} ({result}).")


if __name__ == "__main__":
    main()
