"""Validation rows that are other numbers than the training rows."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from mtlearn.data import warn_far
from mtlearn.data._far import _CHANCE, _enough
from mtlearn.datasets import load_wine_quality, make_multitask_digits
from mtlearn.exceptions import InvalidDataError
from mtlearn.preprocessing import GlobalMaxScaler, ImageStandardScaler
from tiny_datasets import Items
from tiny_problems import make_table, table_estimator

digits = make_multitask_digits(200, random_state=0)[0]
TABLES = {
    "iris": load_iris().data,
    "wine": load_wine().data,
    "quality": load_wine_quality(return_X_y=True, as_frame=False)[0],
}
IMAGES = {
    "digits": digits,
    "bytes": (digits * 255).astype(np.uint8),
    "spectra": make_multitask_digits(200, random_state=0, domain="spectrum")[0],
}


def shuffled(X, n=None):
    return np.random.default_rng(0).permutation(X)[:n]


def says_far(X, X_val):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_far(X, X_val)
    assert all("Rows of X_val lie far outside" in str(each.message) for each in caught)
    return bool(caught)


CASES = [
    *((name, scaler) for name in TABLES for scaler in (StandardScaler, MinMaxScaler)),
    *((name, ImageStandardScaler) for name in ("digits", "bytes")),
    ("bytes", GlobalMaxScaler),
    ("spectra", GlobalMaxScaler),
]


@pytest.mark.parametrize(("name", "scaler"), CASES)
@pytest.mark.parametrize("n_rows", [30, 150])
def test_rows_that_a_scaler_has_left_out(name, scaler, n_rows):
    X = shuffled({**TABLES, **IMAGES}[name], n_rows)
    train, valid = X[: n_rows * 2 // 3], X[n_rows * 2 // 3 :]
    scaler = scaler().fit(train)
    scaled = scaler.transform(train)
    assert says_far(scaled, valid)
    assert not says_far(scaled, scaler.transform(valid))
    assert not says_far(train, valid)


def heavy(rng, shape):
    return rng.standard_cauchy(shape)


def heavier(rng, shape):
    return np.exp(3 * heavy(rng, shape).clip(-200, 200))


def of_many_scales(rng, shape):
    return rng.normal(size=shape) * 10.0 ** np.arange(shape[1])


ORDINARY = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails": heavy,
    "heavier tails": heavier,
    "log-normal": lambda rng, shape: rng.lognormal(sigma=3, size=shape),
    "counts": lambda rng, shape: rng.poisson(0.05, size=shape),
    "rare ones": lambda rng, shape: (rng.random(shape) < 0.01).astype(np.uint8),
    "few values": lambda rng, shape: rng.integers(0, 2, shape) * 1000,
    "constant": lambda rng, shape: np.full(shape, 3.5),
    "zeros": lambda rng, shape: np.zeros(shape),
    "many scales": of_many_scales,
}
SIZES = [(1, 1), (2, 2), (4, 40), (20, 5), (40, 4), (300, 90)]


@pytest.mark.parametrize("draw", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize(
    "sizes", [(1, 1), (2, 2), (4, 40), (20, 5), (40, 4), (300, 90)]
)
def test_ordinary_splits_say_nothing(draw, sizes):
    rng = np.random.default_rng(0)
    n_train, n_valid = sizes
    for n_columns in (1, 2, 30):
        for _ in range(15):
            X = draw(rng, (n_train + n_valid, n_columns))
            assert not says_far(X[:n_train], X[n_train:])


def test_one_hot_columns_and_a_trend():
    rng = np.random.default_rng(0)
    names = OneHotEncoder(sparse_output=False).fit_transform(
        rng.integers(0, 40, (90, 1))
    )
    assert not says_far(names[:60], names[60:])
    time = np.arange(90.0)[:, None]  # the last rows are for validation
    assert not says_far(time[:60], time[60:])
    assert not says_far(1e9 + time[:60], 1e9 + time[60:])
    assert not says_far(np.c_[time, names][:60], np.c_[time, names][60:])


@pytest.mark.parametrize(("n_train", "n_valid"), [(8, 8), (16, 8), (40, 10), (300, 90)])
def test_how_many_rows_chance_excludes(n_train, n_valid):
    k = _enough(n_train, n_valid)

    def chance(k):
        """Draw the k outermost rows one after the other."""
        n = n_train + n_valid
        return math.prod((n_valid - i) / (n - i) for i in range(k))

    assert n_valid / 2 <= k <= n_valid
    assert chance(k) < _CHANCE
    assert k == math.ceil(n_valid / 2) or chance(k - 1) >= _CHANCE
    assert _enough(2, 2) == math.inf


def test_a_split_at_half_of_the_rows():
    X, valid = np.ones((300, 4)), np.ones((100, 4))
    valid[:50] = 2.1
    assert says_far(X, valid)
    assert not says_far(X, np.minimum(valid, 2))
    valid[0] = 1
    assert not says_far(X, valid)


def test_sizes_and_deviations_of_rows():
    X = np.ones((300, 4))
    assert says_far(-X, -1000 * X)
    assert says_far(X, X * 0.49)
    assert not says_far(X, X * 0.51)
    assert not says_far(X, X * 0)
    X[::3] = 0  # blank images
    assert says_far(X, X[1::3] * 0.49)
    X = np.tile([10.0, 11.0], (300, 2))
    assert says_far(X, 10.5 + (X - 10.5) * 2.1)
    assert says_far(X, 10.5 + (X - 10.5) * 0.4)
    assert not says_far(X, 10.5 + (X - 10.5) * 1.9)
    assert not says_far(X * 0 + 3, X * 0 + 4)


def test_half_of_the_columns_that_vary():
    rng = np.random.default_rng(0)
    X = np.c_[rng.random((60, 4)), np.full(60, 100.0)]  # which hides sizes
    valid = X[40:].copy()
    valid[:, :2] += 1.6
    assert says_far(X[:40], valid)
    valid[:, 0] -= 1.6
    assert not says_far(X[:40], valid)
    valid[:, :2] = X[40:, :2] - 1.6
    assert says_far(X[:40], valid)
    valid[:, :2] = X[40:, :2] - 0.4
    assert not says_far(X[:40], valid)


class Read(np.ndarray):
    """Keeps how many rows were asked for."""

    rows = 0

    def __getitem__(self, index):
        if isinstance(index, np.ndarray):
            Read.rows += len(index)
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("shape", "most"), [((5000, 3), 256), ((5000, 64, 64), 256), ((40, 512, 1024), 16)]
)
def test_few_rows_are_read(shape, most):
    Read.rows = 0
    X = np.broadcast_to(np.uint8(3), shape).view(Read)
    warn_far(X, X[:1])
    assert Read.rows == most + 1


def test_missing_values_and_codes_are_nowhere_far():
    X, _ = make_table(60)
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.3, np.nan, X)
    assert not says_far(gaps[:40], gaps[40:])
    assert says_far(gaps[:40], 50 + 9 * gaps[40:])
    assert says_far(X[:40], 50 + 9 * gaps[40:])
    nothing = np.full((40, 2), np.nan)
    assert not says_far(nothing, nothing)
    coded = np.column_stack([X, np.repeat([1.0, 900.0], [40, 20])])
    assert says_far(coded[:40], coded[40:])
    for counted in ([True] * 4 + [False], [False] * 5):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_far(coded[:40], coded[40:], counted)
    # Codes are as far apart in both, and so many that numbers would not be seen.
    codes = np.arange(40)[:, np.newaxis] % [10, 20, 5]
    frame = pd.DataFrame(codes, columns=list("bcd")).astype(str).assign(a=X[:40, 0])
    _, y = make_table(60)
    model, far = table_estimator(max_epochs=1), frame.assign(a=9 + frame["a"])
    with pytest.warns(UserWarning, match="Rows of X_val lie far"):
        model.fit(frame, y[:40], X_val=far, y_val=y[:40])
    model.fit(frame, y[:40], X_val=frame, y_val=y[:40])


def test_of_datasets_no_row_is_read():
    items = Items(np.ones((30, 4)))
    warn_far(items, np.full((30, 4), 9.0))
    warn_far(np.full((30, 4), 9.0), items)
    assert items.read == []


def test_fit_warns_and_says_what_to_do():
    X, y = make_table()
    scaled = StandardScaler().fit(50 + 9 * X).transform(50 + 9 * X)
    message = r"from \d.* those of X from -\d.*mtlearn\.pipeline .*fit\(X, y, X_val="
    with pytest.warns(UserWarning, match=message):
        table_estimator().fit(scaled[:30], y[:30], X_val=50 + 9 * X[30:], y_val=y[30:])
    table_estimator().fit(scaled[:30], y[:30], X_val=scaled[30:], y_val=y[30:])


@pytest.mark.parametrize(
    ("X_val", "y_val", "message"),
    [
        (np.full((10, 4), np.inf), None, r"^X_val: Input X contains infinity"),
        (np.zeros((10, 3)), None, "^X_val: X has 3 features, but .* is expecting 4"),
        (np.zeros((9, 4)), None, "^X_val and y_val: .*inconsistent numbers of samples"),
        ("a.csv", None, "^X_val: X of .* Got an object of the type str"),
        (np.ma.masked_all((10, 4)), None, "^X_val: X is a masked array"),
        (None, np.zeros((10, 3)), "^y_val: y has 3 columns for 2 tasks"),
        (None, np.full((10, 2), 8.0), "^y_val: Row 0 of y has the label 8.0"),
        (None, np.full((10, 2), np.inf), "^y_val: Input y contains infinity"),
    ],
)
def test_errors_name_the_validation_rows(X_val, y_val, message):
    X, y = make_table()
    given = {"X_val": X[30:] if X_val is None else X_val}
    given["y_val"] = y[30:] if y_val is None else y_val
    with pytest.raises((ValueError, TypeError), match=message) as raised:
        table_estimator().fit(X[:30], y[:30], **given)
    assert isinstance(raised.value, InvalidDataError | TypeError)
    assert isinstance(raised.value.__cause__, ValueError | TypeError)


class Torn(Items):
    def __getitem__(self, number):
        if number == 3:
            raise OSError("torn")
        return super().__getitem__(number)


@pytest.mark.filterwarnings("ignore:Rows of X_val")
@pytest.mark.parametrize("where", ["X", "X_val"])
def test_errors_in_training_name_the_rows(where):
    X, y = make_table()
    begins = "Item 3" if where == "X" else "X_val: Item 3"
    parts = {"X": X[:30], "X_val": X[30:]}
    parts[where] = Torn(parts[where])
    with pytest.raises(OSError, match=f"^{begins} of the dataset cannot be read: torn"):
        table_estimator().fit(parts["X"], y[:30], X_val=parts["X_val"], y_val=y[30:])
    parts[where] = np.full((30 if where == "X" else 10, 4), 1e300)
    begins = "X has" if where == "X" else "X_val: X has"
    estimator = table_estimator(precision="float32")
    with pytest.raises(InvalidDataError, match=f"^{begins} values too large"):
        estimator.fit(parts["X"], y[:30], X_val=parts["X_val"], y_val=y[30:])
