"""Fitted estimators of many kinds, with samples and labels for a report."""

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    MultiLabel,
    OpenSetClassifier,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TunedThresholds,
    VotingEnsemble,
)
from tiny_problems import image_estimator, make_images, make_table, table_estimator

# Names and labels that a page, or matplotlib, could read as something else.
NASTY = (
    "<script>alert(1)</script>",
    '<b onclick="x">&',
    "a'b\" $x_{</table>",
)


class Images(torch.utils.data.Dataset):
    def __init__(self):
        self.X, self.labels = make_images(20)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, number):
        return self.X[number], self.labels[number]


def table(estimator=None, **params):
    X, y = make_table(60)
    if estimator is None:
        estimator = table_estimator(**params)
    return estimator.fit(X, y), X, y


def pipeline(**params):
    return make_pipeline(StandardScaler(), table_estimator(**params))


def one_column(task, column):
    X, y = make_table(60)
    return table_estimator(task).fit(X, y[:, column]), X, y[:, column]


class FeaturesOfEach(torch.nn.Module):
    """Features for each task, of which the second one has a single one."""

    def __init__(self, in_features, n_tasks):
        super().__init__()
        widths = [3, 1, 2][:n_tasks]
        self.own = torch.nn.ModuleList(
            torch.nn.Linear(in_features, width) for width in widths
        )

    def forward(self, x):
        return tuple(layer(x) for layer in self.own)

    def shared_parameters(self):
        return []


def without_labels_of_one():
    estimator, X, y = table()
    y = y.copy()
    y[:, 1] = np.nan
    return estimator, X, y


def color():
    X, y = make_images(24, n_channels=3)
    return image_estimator().fit(X, y), X, y


def dataset():
    data = Images()
    return image_estimator().fit(data), data, None


def many_classes():
    X, _ = make_table(120)
    y = np.arange(120)
    return table_estimator(Classification(120)).fit(X, y), X[:40], y[:40]


def make_labels(n_samples):
    """Return rows and five labels, from frequent to rare, with holes in the second."""
    X, _ = make_table(n_samples)
    y = (X[:, [0, 1, 2, 3, 0]] > [-0.8, 0, 0.8, 1.2, 1.5]).astype(float)
    y[::7, 1] = np.nan
    y[3] = np.nan
    return X, y


def several_labels(around=lambda estimator: estimator):
    X, y = make_labels(80)
    y = np.column_stack([y, X[:, 1]])
    tasks = Tasks(
        tags=MultiLabel(["sun", "sea", "sky", "ice", "ivy"]), size=Regression()
    )
    return around(table_estimator(tasks, max_epochs=10)).fit(X, y), X, y


def labels_of_images():
    X, _ = make_images(40)
    dark = X.mean(axis=(1, 2, 3)) < 0.5
    y = np.column_stack([dark, X[:, 0, 0, 0] > 0.5, X[:, 5, 5, 0] > 0.8]).astype(float)
    y[::6, 1] = np.nan
    return image_estimator(MultiLabel(["dark", "left", NASTY[0]])).fit(X, y), X, y


def label_sets():
    X, y = make_labels(60)
    names = np.array(["sun", "sea", NASTY[0], "ice", NASTY[2]])
    sets = pd.Series([set(names[line == 1]) for line in y], name="tags")
    sets[5] = None
    estimator = table_estimator(MultiLabel()).fit(X, sets.to_frame())
    sets[8] = {"ice", "a label of no row in training"}
    return estimator, X, sets.to_frame()


def a_single_label():
    X, y = make_labels(60)
    return table_estimator(MultiLabel(1)).fit(X, y[:, :1]), X, y[:, :1]


def many_labels():
    X, _ = make_table(60)
    y = (X[:, :1] + np.linspace(-2, 2, 200) > 0).astype(float)
    y[0], y[1] = 1, 0
    return table_estimator(MultiLabel()).fit(X, y), X, y


def many_tasks():
    X, y = make_table(40)
    names = [f"task {number}" for number in range(7)]
    tasks = Tasks.from_mapping({name: Regression() for name in names})
    many = np.repeat(y[:, 1:], len(names), axis=1)
    return table_estimator(tasks, max_epochs=1).fit(X, many), X, many


def nasty_names():
    X, y = make_table(60)
    frame = pd.DataFrame(
        {NASTY[0]: np.where(y[:, 0] == 0, NASTY[1], NASTY[2]), NASTY[2]: y[:, 1]}
    )
    return (
        table_estimator(
            tasks=Tasks.from_mapping(
                {NASTY[0]: Classification(), NASTY[2]: Regression()}
            )
        ).fit(X, frame),
        X,
        frame,
    )


def open_set():
    X, y = make_images(60)
    labels = np.where(y[:, 0] == 1, NASTY[0], NASTY[2])
    inside = image_estimator(Classification())
    settings = {"quantile": 0.5, "calibration": 0.2, "random_state": 0}
    return OpenSetClassifier(inside, **settings).fit(X, labels), X, labels


MIRRORED = make_images(30)[0][:, ::-1]
# Samples of no class, for the pages of these.
UNKNOWN = {"open set": {"mirrored": MIRRORED, NASTY[1]: np.ones((4, 6, 6, 1))}}
CASES = {
    "table": lambda: table(early_stopping=True),
    "pipeline": lambda: table(pipeline()),
    "search": lambda: table(
        GridSearchCV(pipeline(), {"multitaskestimator__lr": [0.01, 0.1]}, cv=2)
    ),
    "seeds": lambda: table(SeedEnsemble(pipeline(), 2)),
    "votes": lambda: table(
        VotingEnsemble([("a", table_estimator()), ("b", table_estimator(lr=0.1))])
    ),
    "scaled": lambda: table(TemperatureScaled(SeedEnsemble(table_estimator(), 2))),
    "one classification": lambda: one_column(Classification(3), 0),
    "one regression": lambda: one_column(Regression(), 1),
    "a task without labels": without_labels_of_one,
    "features of each": lambda: table(backbone=FeaturesOfEach),
    "color": color,
    "dataset": dataset,
    "many classes": many_classes,
    "several labels": several_labels,
    "several labels, tuned": lambda: several_labels(TunedThresholds),
    "several labels, seeds": lambda: several_labels(lambda one: SeedEnsemble(one, 2)),
    "labels of images": labels_of_images,
    "label sets": label_sets,
    "a single label": a_single_label,
    "many labels": many_labels,
    "many tasks": many_tasks,
    "nasty names": nasty_names,
    "open set": open_set,
}
