"""The split in two or three parts, stratified over several targets."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array
from sklearn.model_selection import train_test_split
from skorch.helper import SliceDict

from mtlearn.exceptions import (
    DataTypeError,
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.model_selection import multitask_train_test_split

N_SAMPLES = 400


@pytest.mark.parametrize("n_samples", [10, 37, 101])
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"test_size": 0.1},
        {"test_size": 0.33},
        {"train_size": 0.7},
        {"test_size": 3},
        {"train_size": 5},
        {"train_size": 0.5, "test_size": 0.2},
        {"train_size": 4, "test_size": 0.3},
    ],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_two_parts_are_those_of_scikit_learn(n_samples, sizes, shuffle):
    X = np.arange(n_samples)
    seed = 4 if shuffle else None

    ours = multitask_train_test_split(
        X, -X, shuffle=shuffle, random_state=seed, **sizes
    )
    theirs = train_test_split(X, -X, shuffle=shuffle, random_state=seed, **sizes)

    assert len(ours) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"val_size": 0.1}, (260, 40, 100)),
        ({"val_size": 0.15, "test_size": 0.15}, (280, 60, 60)),
        ({"val_size": 1, "test_size": 33}, (366, 1, 33)),
        ({"val_size": 0.1, "train_size": 0.8}, (320, 40, 40)),
        ({"val_size": 0.1, "test_size": 0.1, "train_size": 0.1}, (40, 40, 40)),
        ({"val_size": 0.1, "test_size": 0.2, "train_size": 0.7}, (280, 40, 80)),
        ({"val_size": 0.201, "test_size": 0.201, "train_size": 0.598}, (238, 81, 81)),
        ({"test_size": 0.0501}, (379, 21)),
        ({"test_size": np.float32(0.25)}, (300, 100)),
    ],
)
def test_sizes_are_shares_of_the_whole(targets, sizes, expected, stratified):
    rows = np.arange(N_SAMPLES)

    parts = multitask_train_test_split(
        rows, stratify=targets if stratified else None, random_state=0, **sizes
    )

    assert tuple(len(part) for part in parts) == expected
    assert len(np.unique(np.concatenate(parts))) == sum(expected)


def test_order_without_shuffle():
    parts = multitask_train_test_split(
        list(range(10)), list("abcdefghij"), val_size=2, test_size=3, shuffle=False
    )

    assert parts == [
        *[[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]],
        *[list("abcde"), list("fg"), list("hij")],
    ]


@pytest.mark.parametrize("container", ["array", "frame", "dict"])
def test_every_target_is_stratified(targets, contain, container):
    missing = np.random.RandomState(1).random_sample(N_SAMPLES) < 0.2
    targets[missing, 2] = np.nan
    y = contain(targets, container)
    shares = np.array([0.6, 0.2, 0.2])

    rows = multitask_train_test_split(
        np.arange(N_SAMPLES), test_size=0.2, val_size=0.2, stratify=y, random_state=0
    )

    quintile = np.searchsorted(
        np.nanquantile(targets[:, 2], [0.2, 0.4, 0.6, 0.8]), targets[:, 2]
    )
    for column in (targets[:, 0], targets[:, 1], np.where(missing, -1, quintile)):
        for stratum in np.unique(column):
            counts = np.array([np.sum(column[part] == stratum) for part in rows])
            assert np.all(np.abs(counts - counts.sum() * shares) <= 3)


def test_stratified_split_repeats_and_is_in_random_order(targets):
    rows = np.arange(N_SAMPLES)

    first, second, other = (
        multitask_train_test_split(rows, stratify=targets, random_state=seed)
        for seed in (0, 0, 1)
    )

    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[1], other[1])
    assert np.any(np.diff(first[0]) < 0)


def test_all_containers_are_split_alike(targets, contain):
    rows = np.arange(N_SAMPLES)
    images = np.broadcast_to(rows[:, None, None], (N_SAMPLES, 2, 2))
    frame = contain(targets, "frame")

    parts = multitask_train_test_split(
        rows,
        images,
        rows.tolist(),
        frame,
        frame["item"],
        contain(targets, "dict"),
        coo_array(targets),
        val_size=0.2,
        random_state=0,
    )

    assert len(parts) == 7 * 3
    for i in range(3):
        kept, image, listed, table, item, columns, sparse = parts[i::3]
        assert np.array_equal(image[:, 1, 1], kept)
        assert listed == kept.tolist()
        pd.testing.assert_frame_equal(table, frame.iloc[kept])
        assert item.tolist() == table["item"].tolist()
        assert isinstance(columns, SliceDict)
        assert np.array_equal(columns["shade"], targets[kept, 2])
        assert np.array_equal(sparse.toarray(), targets[kept])


def test_no_global_random_state_is_touched(targets):
    before = np.random.get_state()

    multitask_train_test_split(targets, stratify=targets, random_state=0)
    multitask_train_test_split(targets, random_state=0)

    after = np.random.get_state()
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize(
    ("sizes", "error", "match"),
    [
        ({"test_size": 1.0}, InvalidParameterError, r"'test_size'.*\(0, 1\).*Got 1\.0"),
        (
            {"val_size": 0},
            InvalidParameterError,
            r"'val_size'.*\[1, 9\].*Got 0 instead",
        ),
        ({"train_size": 10}, InvalidParameterError, r"'train_size'.*Got 10 instead"),
        ({"val_size": np.nan}, InvalidParameterError, r"'val_size'.*Got nan"),
        ({"test_size": "0.2"}, ParameterTypeError, r"'test_size'.*Got '0\.2'"),
        ({"val_size": True}, ParameterTypeError, r"'val_size'.*Got True"),
        (
            {"test_size": 0.6, "val_size": 0.5},
            InvalidParameterError,
            r"val_size=0\.5, test_size=0\.6 ask for more than the 10 samples",
        ),
        ({"train_size": 8, "test_size": 3}, InvalidParameterError, "more than the 10"),
        ({"train_size": 0.75, "test_size": 0.26}, InvalidParameterError, "more than"),
        (
            {"test_size": 0.5, "val_size": 5},
            InvalidParameterError,
            "n_samples=10 and .*the resulting train set will be empty",
        ),
        ({"train_size": 0.05}, InvalidParameterError, "train set will be empty"),
        (
            {"train_size": 8, "val_size": 2},
            InvalidParameterError,
            "test set will be empty",
        ),
        ({"shuffle": "no"}, ParameterTypeError, "'shuffle'.*True or False"),
    ],
)
def test_bad_sizes(sizes, error, match):
    with pytest.raises(error, match=match):
        multitask_train_test_split(np.arange(10), **sizes)


def test_bad_arrays():
    rows = np.arange(10)
    with pytest.raises(InvalidDataError, match="At least one array"):
        multitask_train_test_split()
    with pytest.raises(DataTypeError, match="Array 2 of 2 is None"):
        multitask_train_test_split(rows, None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multitask_train_test_split(rows, rows[:5])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multitask_train_test_split(rows, stratify=rows[:5])
    with pytest.raises(InvalidParameterError, match="not implemented for shuffle=Fal"):
        multitask_train_test_split(rows, stratify=rows, shuffle=False)


@pytest.mark.parametrize("seed", range(10))
def test_the_only_label_and_the_only_sample_of_a_class_are_for_training(seed):
    y = np.column_stack([np.arange(40) % 3, np.full(40, np.nan), np.full(40, np.nan)])
    y[5, 0] = 3
    y[11, 1] = 0.5
    y[[2, 4, 6], 2] = [0.1, 0.2, 0.3]

    train, val, test = multitask_train_test_split(
        y, val_size=0.2, test_size=0.3, stratify=y, random_state=seed
    )

    assert [len(part) for part in (train, val, test)] == [20, 8, 12]
    assert set(train[:, 0]) == {0, 1, 2, 3}
    assert np.isfinite(train[:, 1]).sum() == 1
    for part in (train, val, test):
        assert np.isfinite(part[:, 2]).sum() == 1
