"""Strategies for small problems of random shapes, tasks and labels."""

import atexit
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from mtlearn import Classification, Head, Partial, Regression, Tasks
from mtlearn.networks import MLP
from tiny_problems import image_estimator, table_estimator

# Hypothesis notes what it reads in the source; not in the repository.
_home = TemporaryDirectory()
atexit.register(_home.cleanup)
set_hypothesis_home_dir(_home.name)

# The same examples in every run, without a file of those that failed.
few = settings(max_examples=20, deadline=None, derandomize=True, database=None)

seeds = st.integers(0, 2**32 - 1)
# Classes of a classification; None is a regression.
kinds = st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=3)


def make_tasks(found):
    head = Head(hidden=())
    return Tasks(
        **{
            f"task{i}": Regression(head=head)
            if n_classes is None
            else Classification(n_classes, head=head)
            for i, n_classes in enumerate(found)
        }
    )


def make_labels(rng, found, n_samples):
    """Return a column for each task, and one of one dimension."""
    columns = [
        rng.normal(3.0, 2.0, n_samples)
        if n_classes is None
        else rng.integers(n_classes, size=n_samples).astype(np.float64)
        for n_classes in found
    ]
    return np.column_stack(columns) if len(columns) > 1 else columns[0]


@st.composite
def tables(draw):
    """Draw an estimator whose batch is the whole table, with uint8 X and y."""
    found, n_samples = draw(kinds), draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(seeds))
    X = rng.integers(0, 4, (n_samples, draw(st.integers(1, 4)))).astype(np.uint8)
    hidden = draw(st.sampled_from([(), (5,), (8, 3)]))
    estimator = table_estimator(
        make_tasks(found), backbone=Partial(MLP, hidden=hidden), max_epochs=3
    )
    return estimator, X, make_labels(rng, found, n_samples)


@st.composite
def images(draw):
    """Draw an estimator, uint8 images and y."""
    found, n_samples = draw(kinds), draw(st.integers(2, 20))
    rng = np.random.default_rng(draw(seeds))
    shape = draw(
        st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3]))
    )
    X = rng.integers(0, 256, (n_samples, *shape)).astype(np.uint8)
    estimator = image_estimator(make_tasks(found), precision="float32")
    return estimator, X, make_labels(rng, found, n_samples)


problems = st.one_of(tables(), images())
