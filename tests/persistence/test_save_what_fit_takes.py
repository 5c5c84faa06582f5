"""What fit takes, save writes and load reads, or save refuses by name."""

from collections import Counter, OrderedDict, defaultdict
from datetime import date, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
import safetensors
import torch
from packaging.version import Version
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    Partial,
    Regression,
    Tasks,
    VotingEnsemble,
    load,
    save,
)
from mtlearn.exceptions import (
    InvalidParameterError,
    ModelFormatError,
    ParameterTypeError,
)
from mtlearn.networks import MLP
from mtlearn.persistence._encode import Encoder
from mtlearn.training import CSVLogger, EpochLine, TaskMetric
from tiny_problems import Counter as Counts
from tiny_problems import assert_same_bits, make_table, table_estimator, table_tasks

TEXTS = pd.Series(["a", "b", "c"])
LABELS = {
    "range": range(3),
    "array": np.arange(3),
    "objects": np.array(["a", "b", "c"], dtype=object),
    "tuple": (np.int64(0), np.int64(1), np.int64(2)),
    "tensor": torch.arange(3),
    "Series": TEXTS,
    "Index": pd.Index(["a", "b", "c"]),
    "unique": TEXTS.unique(),
    "StringArray": TEXTS.astype("string").array,
    "Categorical": pd.Categorical(["a", "b", "c"]),
    "categories": TEXTS.astype("category").cat.categories,
    "Int64": pd.array([0, 1, 2], dtype="Int64"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_container(labels, tmp_path):
    X, y = make_table()
    known = np.asarray(labels)
    y = known[y[:, 0].astype(int)]
    estimator = table_estimator(Tasks(kind=Classification(labels)), max_epochs=1)
    save(estimator.fit(X, y), tmp_path / "model")
    again = load(tmp_path / "model")
    assert list(again.classes_) == list(known)
    assert list(again.tasks["kind"].classes) == list(known)
    assert (again.predict(X) == estimator.predict(X)).all()
    again.fit(X, y)


def hits(true, predicted, offset=0.0):
    return float(np.mean(true == predicted)) + offset


class Own(Callback):
    def __init__(self, limit=3):
        self.limit = limit
        self.count = 0

    def on_epoch_end(self, net, **kwargs):
        self.count += 1


class Hides(Callback):
    def __init__(self, limit):
        self.most = limit


def test_callbacks_of_the_package_and_of_the_user(tmp_path):
    X, y = make_table()
    callbacks = [
        TaskMetric(hits, "kind", on="train", name="hits", offset=1.0),
        CSVLogger(tmp_path / "log.csv", append=True),
        ("own", Own(5)),
    ]
    estimator = table_estimator(callbacks=callbacks).fit(X, y)
    save(estimator, tmp_path / "model")
    again = load(tmp_path / "model", custom_objects={"hits": hits, "Own": Own})
    metric, logger, (name, own) = again.callbacks
    assert (name, own.limit, own.count) == ("own", 5, 0)
    assert (logger.path, logger.append) == (tmp_path / "log.csv", True)
    assert metric.kwargs == {"offset": 1.0}
    again.fit(X, y)
    assert again.history_[-1]["train_kind_hits"] >= 1.0


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (EarlyStopping("train_loss"), r"callbacks\[0\] cannot be saved.*EarlyStopping"),
        (Hides(3), r"callbacks\[0\] is .*Hides.*does not keep its arguments"),
    ],
)
def test_other_callbacks_are_refused_at_save(callback, message, tmp_path):
    estimator = table_estimator(callbacks=[callback]).fit(*make_table())
    with pytest.raises(InvalidParameterError, match=message):
        save(estimator, tmp_path / "model")


def test_a_missing_folder_is_named(tmp_path):
    folder = tmp_path / "no" / "such"
    with pytest.raises(FileNotFoundError, match=r"No such file.*: '.*no.such'$"):
        save(table_estimator(), folder / "model")


def backbone_of(factor):
    class Own(nn.Module):
        def __init__(self, in_features):
            super().__init__()
            self.layer = nn.Linear(in_features, 4)

        def forward(self, x):
            return factor * self.layer(x)

    return Own


def loss_of(factor):
    def own(output, target):
        return factor * (output - target) ** 2

    return own


def test_two_classes_of_one_name_are_refused(tmp_path):
    # load would be given one of them, and build both networks of it.
    X, y = make_table()
    Own, *others = map(backbone_of, (1.0, 1.0, -5.0))
    for other, is_refused in zip(others, (False, True), strict=True):
        members = [
            (str(i), table_estimator(Tasks(a=Regression()), backbone=each))
            for i, each in enumerate((Own, other))
        ]
        ensemble = VotingEnsemble(members).fit(X, y[:, 1])
        if is_refused:
            with pytest.raises(InvalidParameterError, match=r"is called 'Own' too"):
                save(ensemble, tmp_path / "model")
            return
        save(ensemble, tmp_path / "model")
        again = load(tmp_path / "model", custom_objects={"Own": Own})
        np.testing.assert_array_equal(again.predict(X), ensemble.predict(X))


def test_two_functions_of_one_name_are_refused(tmp_path):
    tasks = Tasks(a=Regression(loss=loss_of(1.0)), b=Regression(loss=loss_of(2.0)))
    with pytest.raises(InvalidParameterError, match=r"tasks\.b\..*'own' too"):
        save(table_estimator(tasks), tmp_path / "model")
    tasks.set_params(b__loss=loss_of(1.0))  # what comes back from another process
    save(table_estimator(tasks), tmp_path / "model")
    load(tmp_path / "model", custom_objects={"own": loss_of(1.0)})


class Centred(TransformerMixin, BaseEstimator):
    """Says in its class what it has before it is fitted."""

    mean_ = None

    def fit(self, X, y=None):
        self.mean_, self._2d = X.mean(axis=0), X.ndim == 2
        return self

    def transform(self, X):
        return X - self.mean_


def test_what_a_class_of_the_user_learns_may_have_a_default(tmp_path):
    X, y = make_table()
    model = make_pipeline(Centred(), table_estimator()).fit(X, y)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model", custom_objects={"Centred": Centred})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again[0]._2d is True


def test_what_load_would_refuse_is_refused_at_save(tmp_path):
    for name in ("predict", "_repr_html_", "no name"):  # a method, a property
        estimator = table_estimator()
        vars(estimator)[name] = 1
        with pytest.raises(InvalidParameterError, match=rf"attribute '{name}' hides"):
            save(estimator, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_views_of_one_task(tmp_path):
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    for name in ("kind", "size"):
        view = estimator.task(name)
        for each in (view, FrozenEstimator(view)):
            save(each, tmp_path / "model")
            again = load(tmp_path / "model")
            np.testing.assert_array_equal(again.predict(X), view.predict(X))


def test_what_of_the_package_is_not_for_files_is_refused(tmp_path):
    estimator = table_estimator(callbacks=[EpochLine([])])
    with pytest.raises(InvalidParameterError, match=r"callbacks\[0\] cannot be saved"):
        save(estimator, tmp_path / "model")


def test_numbers_of_more_than_64_bits_are_refused(tmp_path):
    estimator = table_estimator(lr=np.longdouble("0.03"))
    with pytest.raises(InvalidParameterError, match=r"\.lr cannot be saved.*0\.03"):
        save(estimator, tmp_path / "model")


@pytest.mark.parametrize("given", [["Own"], [Own], "Own", Own])
def test_custom_objects_are_a_mapping(given, tmp_path):
    save(table_estimator(callbacks=[Own()]), tmp_path / "model")
    with pytest.raises(ParameterTypeError, match=r"'custom_objects'.*mapping.*Got"):
        load(tmp_path / "model", custom_objects=given)


def days(kind):
    """Return two names of columns that are days."""
    return {
        "date": [date(2026, 11, 26), date(2026, 11, 27)],
        "datetime": np.array([datetime(2026, 11, d, 7) for d in (1, 2)], dtype=object),
        "Timestamp": pd.date_range("2026-11-26", periods=2, freq="D"),
        "nanoseconds": pd.DatetimeIndex(np.array([1, 2], dtype="datetime64[ns]")),
    }[kind]


@pytest.mark.parametrize("kind", ["date", "datetime", "Timestamp", "nanoseconds"])
def test_columns_of_y_that_are_days(kind, tmp_path):
    X, y = make_table()
    y = pd.DataFrame(y[:, [1, 1]], columns=pd.Index(days(kind)))
    estimator = MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y)
    save(estimator, tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(X), estimator.predict(X))
    assert again.score(X, y) == estimator.score(X, y)


def test_days_with_a_time_zone_are_refused(tmp_path):
    X, y = make_table()
    names = pd.date_range("2026-11-26", periods=2, freq="D", tz="Asia/Tokyo")
    y = pd.DataFrame(y[:, [1, 1]], columns=names)
    estimator = MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"cannot be saved.*Timestamp"):
        save(estimator, tmp_path / "model")


@pytest.mark.parametrize("dtype", ["Int64", object, "string", "int8"])
def test_types_of_categories(dtype, tmp_path):
    X, y = make_table()
    labels = {"Int64": [0, 1, 2], "int8": [0, 1, 2]}.get(dtype, ["a", "b", "c"])
    known = pd.CategoricalDtype(pd.Index(labels, dtype=dtype))
    kind = pd.Categorical.from_codes(y[:, 0].astype(int), dtype=known)
    y = pd.DataFrame({"kind": kind, "size": y[:, 1]})
    tasks = Tasks(kind=Classification(), size=Regression())
    estimator = table_estimator(tasks, max_epochs=1).fit(X, y)
    assert estimator.predict(X)["kind"].dtype == known
    save(estimator, tmp_path / "model")
    found = load(tmp_path / "model").predict(X)["kind"].dtype
    assert found.categories.dtype == known.categories.dtype


@pytest.mark.parametrize("kind", [OrderedDict, Counter, partial(defaultdict, int)])
def test_mappings_of_the_standard_library(kind, tmp_path):
    X, y = make_table()
    tasks = Tasks(
        kind=Classification(class_weight=kind({0: 1, 1: 2, 2: 4})), size=Regression()
    )
    loss_weights = kind({"kind": 1, "size": 2})
    estimator = table_estimator(tasks, loss_weights=loss_weights).fit(X, y)
    save(estimator, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.loss_weights == {"kind": 1, "size": 2}
    assert again.tasks["kind"].class_weight == {0: 1, 1: 2, 2: 4}
    assert_same_bits(again.fit(X, y), estimator)


class Named(pd.api.extensions.ExtensionDtype):
    """A type of the user's that pandas does not know by its name."""

    name = "of my own"
    type = int


def test_types_without_a_name_are_refused():
    with pytest.raises(InvalidParameterError, match=r"dtypes\[0\] cannot be saved"):
        Encoder().encode((Named(),), "dtypes")


@pytest.mark.parametrize("value", [table_tasks(), Partial(MLP, hidden=(3,)), Head()])
def test_parts_of_an_estimator(value, tmp_path):
    save(value, tmp_path / "part")
    assert repr(load(tmp_path / "part")) == repr(value)


def test_objects_of_a_moment_are_not_taken_for_each_other():
    encoder = Encoder()
    for width in range(20):  # where the one before was in memory
        record = encoder.encode(Partial(MLP, hidden=(width,)), "")
        assert record["fields"]["hidden"]["items"] == [width]


def test_callbacks_of_scikit_learn_are_refused(tmp_path):
    estimator = table_estimator().set_callbacks(Counts())
    with pytest.raises(InvalidParameterError, match=r"estimator\.set_callbacks\(\)"):
        save(estimator, tmp_path / "model")
    save(estimator.set_callbacks(), tmp_path / "model")


class OwnMLP(MLP):
    """Not of the package."""


def test_weights_of_the_users_own_are_finite_too(tmp_path):
    X, y = make_table()
    backbone = Partial(OwnMLP, hidden=(3,))
    estimator = table_estimator(backbone=backbone, max_epochs=1).fit(X, y)
    estimator.net_.module_.backbone.layers[0].weight.data[0] = float("inf")
    save(estimator, tmp_path / "model")
    with pytest.raises(ModelFormatError, match=r"layers\.0\.weight' are not finite"):
        load(tmp_path / "model", custom_objects={"OwnMLP": OwnMLP})


class Turning(torch.nn.Module):
    """Has a buffer of complex numbers, as rotary embeddings do."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, 4)
        turns = torch.polar(torch.ones(2), torch.arange(2.0))
        self.register_buffer("turns", turns)

    def forward(self, x):
        pairs = torch.view_as_complex(self.layer(x).unflatten(1, (2, 2)).contiguous())
        return torch.view_as_real(pairs * self.turns).flatten(1)


def test_complex_buffers_of_tables_are_refused_by_name(tmp_path):
    X, y = make_table()
    estimator = table_estimator(backbone=Turning, max_epochs=1).fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"backbone\.turns.*complex128"):
        save(estimator, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    single = table_estimator(backbone=Turning, max_epochs=1, precision="float32")
    single.fit(X, y)
    # Of the least version that is allowed, files hold no complex numbers at all.
    if Version(safetensors.__version__) < Version("0.6"):
        with pytest.raises(InvalidParameterError, match=r"backbone\.turns.*complex64"):
            save(single, tmp_path / "model")
        return
    save(single, tmp_path / "model")
    again = load(tmp_path / "model", custom_objects={"Turning": Turning})
    np.testing.assert_array_equal(again.predict(X), single.predict(X))
