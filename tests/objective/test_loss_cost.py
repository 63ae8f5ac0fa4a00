"""The costs of traced functions, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from neural_style.objective.loss_cost import graph_cost


def cost(function: Callable[..., Any], *shapes: tuple[int, ...]) -> tuple[int, float, float]:
    """The memory, products and traffic of the sum of a function's values."""
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    traced = tf.function(lambda *x: tf.reduce_sum(function(*x)), autograph=False)
    return graph_cost(traced.get_concrete_function(*specs).graph)


def test_a_product_is_held_and_counted() -> None:
    # (8, 16) by (16, 4): 8 · 4 numbers, each of 16 products and sums; then they are summed.
    memory, products, traffic = cost(tf.matmul, (8, 16), (16, 4))
    assert memory == 8 * 4 * 4
    assert products == 2 * 8 * 16 * 4
    assert traffic == 4 * (8 * 16 + 16 * 4 + 2 * 8 * 4 + 2 + 1)  # with the two axes of the sum


def test_batches_of_products() -> None:
    assert cost(tf.matmul, (5, 8, 16), (5, 16, 4))[1] == 5 * 2 * 8 * 16 * 4


def test_a_shape_that_is_known_only_in_a_run_counts_as_1() -> None:
    def chosen(x: Any, y: Any) -> Any:
        return tf.matmul(tf.boolean_mask(x, x[:, 0] > 0), y)

    assert cost(chosen, (8, 16), (16, 4))[1] == 2 * 1 * 16 * 4


def test_a_convolution_is_counted() -> None:
    products = 2 * 10 * 10 * 9 * 3 * 6

    def convolved(x: Any, kernel: Any) -> Any:
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    def gradient(x: Any, kernel: Any) -> Any:
        return tf.gradients(convolved(x, kernel), x)[0]

    shapes = (1, 10, 10, 3), (3, 3, 3, 6)
    assert cost(convolved, *shapes)[1] == pytest.approx(products)
    assert cost(gradient, *shapes)[1] == pytest.approx(2 * products)


def test_elementwise_work_is_part_of_what_reads_it() -> None:
    assert cost(lambda x: tf.square(x) + 1.0, (100,))[0] == 0
    assert cost(lambda x, y: tf.matmul(x + 1.0, y), (8, 16), (16, 4))[0] == 8 * 4 * 4


def test_what_is_not_read_any_more_is_free() -> None:
    # In a chain of products two are alive at a time, not three.
    found = cost(lambda x, y: tf.matmul(tf.matmul(tf.matmul(x, y), y), y), (8, 16), (16, 16))
    assert found[0] == 2 * 4 * 8 * 16


def test_a_part_is_written_in_place() -> None:
    def function(x: Any, y: Any) -> Any:
        total = keras.ops.zeros((16, 16))
        for row in (0, 8):
            part = total[row : row + 8] + tf.matmul(x, y)
            total = keras.ops.slice_update(total, (row, 0), part)
        return total

    # The sum, and one of the products at a time, to which a part of the sum is added on the way.
    memory, _, traffic = cost(function, (8, 16), (16, 16))
    assert memory == 4 * (16 * 16 + 8 * 16)
    products = 2 * (8 * 16 + 16 * 16 + 8 * 16)  # what they read, and what they write
    assert traffic == 4 * (products + 2 * 2 * 8 * 16 + 16 * 16 + 2 + 1)


@pytest.mark.parametrize("power", [1, 2])
def test_what_the_gradient_reads_is_held_for_it(power: int) -> None:
    def gradient(x: Any, y: Any, z: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            first = tf.matmul(x, y)
            value = tf.reduce_sum(tf.matmul(tf.square(first) if power == 2 else first, z))
        return tape.gradient(value, x)

    memory, products, _ = cost(gradient, (8, 16), (16, 32), (32, 4))
    assert products == pytest.approx(2 * (2 * 8 * 16 * 32 + 2 * 8 * 32 * 4))
    # The derivative of a square reads the first product, that of a power of 1 does not.
    held = 4 * 8 * 32 * power
    assert held <= memory < held + 4 * 8 * 32
