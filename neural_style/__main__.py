"""``python -m neural_style``, the same as the command `neural-style`."""

import os
import sys

# Python searches the current folder for modules first; the command does not.
if __name__ == "__main__" and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from neural_style.cli import main

if __name__ == "__main__":
    main(prog_name="neural-style")
