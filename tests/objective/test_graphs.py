"""The needs of traced functions, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from neural_style.objective.graphs import Needs, needs


def traced(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Needs:
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return needs(tf.function(function, autograph=False).get_concrete_function(*specs).graph)


def test_a_product_is_held_and_counted() -> None:
    # (8, 16) by (16, 4): 8 · 4 numbers, each of 16 products and sums.
    found = traced(tf.matmul, (8, 16), (16, 4))
    assert found.memory == 8 * 4 * 4
    assert found.products == 2 * 8 * 16 * 4
    assert found.traffic == 4 * (8 * 16 + 16 * 4 + 8 * 4)


def test_batches_of_products() -> None:
    assert traced(tf.matmul, (5, 8, 16), (5, 16, 4)).products == 5 * 2 * 8 * 16 * 4


def test_a_convolution_is_counted() -> None:
    found = traced(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), (1, 10, 10, 3), (3, 3, 3, 6))
    assert found.products == 2 * 10 * 10 * 9 * 3 * 6


def test_elementwise_work_is_part_of_what_reads_it() -> None:
    # Only the sum, one number.
    assert traced(lambda x: tf.reduce_sum(tf.square(x) + 1.0), (100,)).memory == 4


def test_what_a_product_reads_is_written_first() -> None:
    # x + 1, 8 · 16, besides the product, 8 · 4; a transposed view is not written.
    found = traced(lambda x, y: tf.matmul(x + 1.0, tf.transpose(y)), (8, 16), (4, 16))
    assert found.memory == 4 * (8 * 16 + 8 * 4)


def test_what_is_not_read_any_more_is_free() -> None:
    # In a chain of products two are alive at a time, not three.
    found = traced(lambda x, y: tf.matmul(tf.matmul(tf.matmul(x, y), y), y), (8, 16), (16, 16))
    assert found.memory == 2 * 4 * 8 * 16


def test_a_part_is_written_in_place() -> None:
    def function(x: Any, y: Any) -> Any:
        total = keras.ops.zeros((16, 16))
        for row in (0, 8):
            part = total[row : row + 8] + tf.matmul(x, y)
            total = keras.ops.slice_update(total, (row, 0), part)
        return total

    # The sum, and one of the products at a time, to which a part of the sum is added on the way.
    found = traced(function, (8, 16), (16, 16))
    assert found.memory == 4 * (16 * 16 + 8 * 16)
    products = 2 * (8 * 16 + 16 * 16 + 8 * 16)  # what they read, and what they write
    assert found.traffic == 4 * (products + 2 * 2 * 8 * 16)


@pytest.mark.parametrize("reads", [1, 2])
def test_what_the_gradient_reads_is_held_for_it(reads: int) -> None:
    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            product = tf.matmul(x, y)
            value = tf.reduce_sum(product if reads == 1 else tf.square(product))
        return tape.gradient(value, x)

    found = traced(gradient, (8, 16), (16, 32))
    assert found.products == 2 * (2 * 8 * 16 * 32)
    assert found.memory >= 4 * (8 * 16 + (reads - 1) * 8 * 32)
