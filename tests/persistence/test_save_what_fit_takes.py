"""What fit takes, save writes and load reads, or save refuses by name."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from mtlearn import Classification, Regression, Tasks, VotingEnsemble, load, save
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import CSVLogger, TaskMetric
from tiny_problems import make_table, table_estimator

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
