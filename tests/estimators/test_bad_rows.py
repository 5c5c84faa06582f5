"""X that both estimators refuse, at every method that takes X."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import DataTypeError, InvalidDataError
from tiny_datasets import Items
from tiny_problems import image_estimator, make_images, make_table, table_estimator

TRAINING = ["fit", "partial_fit"]
# What a fitted estimator does; `more` is partial_fit, which goes on.
AFTERWARDS = ["more", "predict", "predict_proba", "embed", "score"]
PROBLEMS = {
    "images": (lambda: image_estimator(max_epochs=1), make_images),
    "table": (lambda: table_estimator(max_epochs=1), make_table),
}

every_method = pytest.mark.parametrize("method", [*TRAINING, *AFTERWARDS])
every_problem = pytest.mark.parametrize("problem", PROBLEMS)


@pytest.fixture(scope="module")
def fitted():
    return {name: make().fit(*data()) for name, (make, data) in PROBLEMS.items()}


def call(fitted, problem, method, change):
    """Call a method with changed rows, and with the labels there were."""
    make, data = PROBLEMS[problem]
    X, y = data()
    estimator = make() if method in TRAINING else fitted[problem]
    labels = (y,) if method in (*TRAINING, "more", "score") else ()
    name = "partial_fit" if method == "more" else method
    return getattr(estimator, name)(change(X), *labels)


@every_method
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "object", ">f4"])
@pytest.mark.parametrize(
    ("problem", "value"),
    [
        *((problem, value) for problem in PROBLEMS for value in (np.inf, -np.inf)),
        # Tables may have missing values: test_missing_values.py.
        ("images", np.nan),
    ],
)
def test_values_that_are_not_finite(fitted, problem, method, dtype, value):
    def change(X):
        X = X.astype(dtype)
        X[5].reshape(-1)[1] = value
        return X

    message = "Input X contains " + ("NaN" if np.isnan(value) else "infinity")
    if problem == "images":
        message += ": image 5, row 0, column 1, channel 0"
    with pytest.raises(ValueError, match=message):
        call(fitted, problem, method, change)


WORDS = "could not convert string to float|not compatible with arrays of bytes/strings"
REFUSED = {
    "complex": (lambda X: X + 1j, ValueError, "Complex data not supported"),
    "words": (lambda X: X.astype("U5").astype(object) + "a", ValueError, WORDS),
    "strings": (lambda X: np.full(X.shape, "a"), ValueError, WORDS),
    "empty": (lambda X: X[:0], ValueError, r"Found array with 0 sample\(s\)"),
    "none": (lambda X: None, DataTypeError, "X of .* must be .* the type NoneType"),
    "a number": (lambda X: 3.0, DataTypeError, "X of .* must be .* the type float"),
    "sparse": (lambda X: csr_array(np.eye(4)), TypeError, "Sparse data was passed"),
    "no columns": (lambda X: X[..., :0], ValueError, r"0 feature\(s\)|at least one pi"),
    "ragged": (
        lambda X: [*X[:-1], X[-1][:-1]],
        ValueError,
        r"of one shape\. (Image|Row) 0 has .*, (image|row) \d+ has",
    ),
    "masked": (
        lambda X: np.ma.masked_where(X.max() == X, X),
        DataTypeError,
        r"^X is a masked array.* X\.filled\(0\)",
    ),
    "masked rows": (
        lambda X: list(np.ma.masked_where(X.max() == X, X)),
        DataTypeError,
        "^X holds a masked array",
    ),
    "masked items": (
        lambda X: Items(np.ma.masked_where(X.max() == X, X)),
        DataTypeError,
        r"^The x of item \d+ of the dataset (is|holds) a masked array",
    ),
    "generator": (lambda X: iter(X), DataTypeError, r"X of Mul.* list\(X\), or go thr"),
    "files": (lambda X: ["a.png"] * len(X), DataTypeError, "X of Mul.* names of files"),
    "a gradient": (
        lambda X: torch.tensor(X, requires_grad=True),
        InvalidDataError,
        r"^X is a tensor that requires a gradient.* X\.detach\(\)",
    ),
    "too large": (lambda X: X * 1e300, InvalidDataError, "values too large for"),
}
OF_IMAGES = {
    "rows": (lambda X: X.reshape(24, -1), InvalidDataError, "Put ImageReshaper"),
    "a frame": (lambda X: pd.DataFrame(X.reshape(24, -1)), InvalidDataError, "Put Ima"),
    "one image": (lambda X: X[0, ..., 0], InvalidDataError, r"X\[numpy\.newaxis\]"),
    "five axes": (
        lambda X: X[..., np.newaxis],
        InvalidDataError,
        r"\(24, 6, 6, 1, 1\)",
    ),
}
OF_TABLES = {
    "one row": (lambda X: X[0], ValueError, "Expected 2D array, got 1D array instead"),
    "three axes": (lambda X: X[..., np.newaxis], ValueError, "with dim 3"),
}
CASES = [
    *(("images", name, *REFUSED[name]) for name in REFUSED),
    # float64 holds 1e300.
    *(("table", name, *REFUSED[name]) for name in REFUSED if name != "too large"),
    *(("images", name, *case) for name, case in OF_IMAGES.items()),
    *(("table", name, *case) for name, case in OF_TABLES.items()),
]


@every_method
@pytest.mark.parametrize(
    ("problem", "change", "error", "message"),
    [(problem, *case) for problem, _, *case in CASES],
    ids=[f"{problem}, {name}" for problem, name, *_ in CASES],
)
def test_what_is_refused(fitted, method, problem, change, error, message):
    with pytest.raises(error, match=message):
        call(fitted, problem, method, lambda X: change(X.astype(np.float64)))


OTHER_SHAPES = {
    "smaller": ("images", lambda X: X[:, :5], r"= \(5, 6, 1\), but .* \(6, 6, 1\)\."),
    "larger": ("images", lambda X: np.repeat(X, 2, axis=1), r"\(12, 6, 1\), but .*\(6"),
    "colours": ("images", lambda X: X[..., [0, 0, 0]], r"\(6, 6, 3\), but .* Resize"),
    "fewer": ("table", lambda X: X[:, :3], "X has 3 features, but .* is expecting 4"),
    "more": ("table", lambda X: X[:, [0, 1, 2, 3, 3]], "5 features, .* is expecting 4"),
}


@pytest.mark.parametrize("method", AFTERWARDS)
@pytest.mark.parametrize(
    ("problem", "change", "message"), OTHER_SHAPES.values(), ids=OTHER_SHAPES
)
def test_another_shape_than_in_the_fit(fitted, method, problem, change, message):
    with pytest.raises(ValueError, match=message):
        call(fitted, problem, method, change)


@pytest.mark.parametrize("method", AFTERWARDS)
@pytest.mark.parametrize(
    ("columns", "message"),
    [("zbcd", "feature names should match those that"), ("bacd", "in the same order")],
)
def test_other_columns_than_in_the_fit(method, columns, message):
    X, y = make_table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = table_estimator(max_epochs=1).fit(frame, y)
    np.testing.assert_array_equal(estimator.feature_names_in_, list("abcd"))
    changed = pd.DataFrame(X, columns=list(columns))
    with pytest.raises(ValueError, match=message):
        call({"table": estimator}, "table", method, lambda X: changed)


@every_problem
@pytest.mark.parametrize("method", [*TRAINING, "more", "score"])
def test_lengths_that_differ(fitted, problem, method):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        call(fitted, problem, method, lambda X: X[:-1])


@every_problem
@pytest.mark.parametrize("method", ["predict", "predict_proba", "embed", "score"])
def test_before_the_fit(problem, method):
    unfitted = {problem: PROBLEMS[problem][0]()}
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        call(unfitted, problem, method, lambda X: X)


@every_problem
@pytest.mark.parametrize("method", AFTERWARDS)
def test_what_is_refused_changes_nothing(fitted, problem, method):
    X, _ = PROBLEMS[problem][1]()
    before = fitted[problem].predict(X)
    n_epochs = fitted[problem].n_iter_
    with pytest.raises(ValueError, match="Input X contains infinity"):
        call(fitted, problem, method, lambda X: np.full_like(X, np.inf))
    np.testing.assert_array_equal(fitted[problem].predict(X), before)
    assert fitted[problem].n_iter_ == n_epochs


@pytest.mark.parametrize("method", TRAINING)
@pytest.mark.parametrize("size", [1, 6])
def test_one_row_with_batch_normalisation(method, size):
    X, y = make_images(size=size)
    tasks = Tasks(kind=Classification([0, 1]), size=Regression())
    estimator = image_estimator(tasks)
    message = (
        r"cannot train on one row at a time: n_samples=1, batch_size=8\. Pass more"
    )
    with pytest.raises(InvalidDataError, match=message):
        getattr(estimator, method)(X[:1], y[:1])
    assert np.isfinite(getattr(estimator, method)(X[:2], y[:2]).predict(X)).all()


def test_a_last_batch_of_one_row_on_maps_of_one_pixel():
    X, y = make_images(n_samples=17, size=1)
    estimator = image_estimator(batch_size=8).fit(X, y)
    assert np.isfinite(estimator.predict(X[:1])).all()
    assert len(estimator.partial_fit(X, y).history_) == 3


@pytest.mark.parametrize("method", TRAINING)
def test_one_row_without_batch_normalisation(method):
    X, y = make_table()
    estimator = table_estimator(Tasks(kind=Classification(3), size=Regression()))
    getattr(estimator, method)(X[:1], y[:1])
    assert np.isfinite(estimator.predict(X)).all()
