"""Worker: a large float32 matrix product in TensorFlow, the speed that others are measured by."""

from __future__ import annotations

import tensorflow as tf
from operations import PRODUCT
from protocol import Array, Course, Options, peak_memory, serve

IMPORTED = peak_memory()


class Product:
    """A square matrix times itself."""

    def __init__(self, options: Options) -> None:
        self.matrix = tf.random.stateless_normal((PRODUCT, PRODUCT), (0, 0))

    def evaluate(self) -> tuple[float, Array]:
        """One element of the product, which makes certain that it is there, and no gradient."""
        product = tf.matmul(self.matrix, self.matrix)
        return float(product[0, 0]), self.matrix[0, :0].numpy()

    def minimize(self, optimizer: str, course: Course) -> None:
        """Not of a product."""
        raise NotImplementedError


if __name__ == "__main__":
    serve(f"TensorFlow {tf.__version__}", IMPORTED, Product)
