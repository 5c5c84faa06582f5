"""What the contenders train on and the size of their network; imports no framework."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Problem:
    """Images with a digit, an item and a shade each, and a network for them.

    Attributes
    ----------
    n_images : int
        How many are made.
    n_rows : int
        How many of them are trained on.
    image_size : int
        Height and width; one channel.
    widths, n_blocks, n_features, dropout
        The residual backbone.
    n_outputs : tuple of int
        Outputs of the heads: two classifications and a real value.
    head_hidden : tuple of int
        Width of the one hidden layer of each head.
    head_dropout : float
        Dropout behind it.
    batch_size, lr
        How it is trained, with Adam.
    """

    n_images: int = 3000
    n_rows: int = 2430
    image_size: int = 32
    widths: tuple[int, ...] = (32, 64, 128)
    n_blocks: int = 2
    n_features: int = 128
    dropout: float = 0.5
    n_outputs: tuple[int, int, int] = (10, 32, 1)
    head_hidden: tuple[int, int, int] = (64, 64, 32)
    head_dropout: float = 0.3
    batch_size: int = 32
    lr: float = 1e-3


REFERENCE = Problem()
QUICK = Problem(
    n_images=100,
    n_rows=80,
    image_size=16,
    widths=(4, 8),
    n_blocks=1,
    n_features=12,
    head_hidden=(8, 8, 4),
)


def choose(quick: bool, n_rows: int | None = None) -> Problem:
    """Return the reference problem or a tiny one, with other rows if they are given."""
    problem = QUICK if quick else REFERENCE
    if n_rows is None:
        return problem
    return replace(problem, n_rows=n_rows, n_images=max(n_rows, problem.n_images))


def make_data(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return images `(n_rows, size, size)` in [0, 1] and targets `(n_rows, 3)`."""
    # Not at the top: the contenders without mtlearn import this module too.
    from mtlearn.datasets import make_multitask_digits

    X, y = make_multitask_digits(
        problem.n_images, image_size=problem.image_size, random_state=0
    )
    X /= X.max()
    return X[: problem.n_rows], y[: problem.n_rows]
