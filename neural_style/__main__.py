"""``python -m neural_style``, the same as the command `neural-style`."""

from neural_style.cli import main

if __name__ == "__main__":
    main(prog_name="neural-style")
