"""The same network in Keras's functional API, on TensorFlow; imports no torch."""

import os
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks._problem import Problem
from benchmarks._process import Contender

MISSING = (
    "Keras is not measured: it is not installed. "
    'Get it by: pip install "mtlearn[benchmarks]"'
)


def is_installed() -> bool:
    """Tell whether Keras and its backend can be imported, without doing so."""
    return find_spec("keras") is not None and find_spec("tensorflow") is not None


def import_keras(threads: int | None) -> Any:
    """Import Keras on TensorFlow, with a number of threads."""
    # Both are read once, at the first import.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow

    if threads is not None:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    return keras


def make_model(keras: Any, problem: Problem) -> Any:
    """Return the compiled model."""
    layers = keras.layers

    def convolution(x: Any, width: int, size: int, stride: int) -> Any:
        x = layers.Conv2D(width, size, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    def block(x: Any, width: int, stride: int) -> Any:
        residual = layers.ReLU()(convolution(x, width, 3, stride))
        residual = convolution(residual, width, 3, 1)
        if stride != 1 or x.shape[-1] != width:
            x = convolution(x, width, 1, stride)
        return layers.ReLU()(layers.Add()([residual, x]))

    def dense(x: Any, width: int, dropout: float) -> Any:
        x = layers.Dense(width, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        return layers.Dropout(dropout)(x)

    inputs = keras.Input((problem.image_size, problem.image_size, 1))
    x = layers.ReLU()(convolution(inputs, problem.widths[0], 3, 1))
    for stage, width in enumerate(problem.widths):
        for index in range(problem.n_blocks):
            x = block(x, width, 2 if stage > 0 and index == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    x = dense(x, problem.n_features, problem.dropout)
    outputs = [
        layers.Dense(n)(dense(x, width, problem.head_dropout))
        for n, width in zip(problem.n_outputs, problem.head_hidden, strict=True)
    ]
    model = keras.Model(inputs, outputs)
    classes = [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in range(2)
    ]
    model.compile(keras.optimizers.Adam(problem.lr), loss=[*classes, "mse"])
    return model


def count_weights(model: Any) -> int:
    """Count the trainable weights."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def training(
    X: np.ndarray, y: np.ndarray, problem: Problem, threads: int | None
) -> Contender:
    """Return a model that trains one epoch a call."""
    model = make_model(import_keras(threads), problem)
    images = X[..., None]
    targets = [y[:, 0].astype(np.int64), y[:, 1].astype(np.int64), y[:, 2:]]
    settings = {"batch_size": problem.batch_size, "epochs": 1, "verbose": 0}
    return Contender(
        lambda: model.fit(images, targets, **settings), lambda: count_weights(model)
    )


def prediction(
    X: np.ndarray,
    problem: Problem,
    threads: int | None,
    *,
    batch_size: int | None = None,
) -> Contender:
    """Return a model that predicts all rows; its default is batches of 32."""
    model = make_model(import_keras(threads), problem)
    images = X[..., None]
    return Contender(
        lambda: model.predict(images, batch_size=batch_size, verbose=0),
        lambda: count_weights(model),
    )
