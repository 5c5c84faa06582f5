"""Learning curves: the history's own numbers, and one line for each."""

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from mtlearn import Classification, Regression, SeedEnsemble, Tasks, TemperatureScaled
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import LearningCurvesDisplay
from mtlearn.preprocessing import GlobalMaxScaler
from mtlearn.training import TaskMetric
from tiny_problems import image_estimator, make_images, make_table, table_estimator


@pytest.fixture(scope="module")
def fitted():
    return table_estimator(early_stopping=True, max_epochs=6).fit(*make_table())


def numbers(frame, **where):
    """Return the values of rows with these values in their columns."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame["value"].tolist()


def test_the_numbers_are_those_of_the_history(fitted):
    frame = LearningCurvesDisplay.from_estimator(fitted).frame()
    keys = {
        ("all tasks", "loss"): "loss",
        ("all tasks", "score"): "score",
        ("kind", "loss"): "kind_loss",
        ("kind", "accuracy"): "kind_accuracy",
        ("size", "loss"): "size_loss",
        ("size", "r2"): "size_r2",
    }
    for (task, figure), key in keys.items():
        for rows in ("train", "valid"):
            expected = [row[f"{rows}_{key}"] for row in fitted.history_]
            assert numbers(frame, task=task, figure=figure, rows=rows) == expected
    assert numbers(frame, figure="lr") == [row["lr"] for row in fitted.history_]
    assert len(frame) == fitted.n_iter_ * 13
    assert frame["epoch"].max() == fitted.n_iter_
    assert frame.columns.tolist() == [
        "label",
        "run",
        "epoch",
        "task",
        "figure",
        "rows",
        "value",
    ]


def test_names_that_begin_alike():
    X, y = make_table()
    tasks = {"a": Classification(3), "a_b": Regression(), "loss": Regression()}
    metric = TaskMetric(lambda true, found: 0.5, "a", name="b_loss", on="train")
    estimator = table_estimator(Tasks.from_mapping(tasks), callbacks=[metric])
    # The metric of one task has the name of the loss of another.
    with pytest.raises(InvalidParameterError, match="b_loss"):
        estimator.fit(X, y[:, [0, 1, 1]])
    estimator.set_params(callbacks=None).fit(X, y[:, [0, 1, 1]])
    display = LearningCurvesDisplay.from_estimator(estimator)
    assert display.task_names == ("a", "a_b", "loss")
    frame = display.frame()
    for name in tasks:
        expected = [row[f"train_{name}_loss"] for row in estimator.history_]
        assert numbers(frame, task=name, figure="loss") == expected
    assert numbers(frame, task="all tasks", figure="loss") == [
        row["train_loss"] for row in estimator.history_
    ]


def test_a_picture_has_a_line_for_each_curve(fitted):
    display = LearningCurvesDisplay.from_estimator(fitted).plot()
    assert list(display.axes_) == [
        ("all tasks", "loss"),
        ("all tasks", "score"),
        ("", "lr"),
        ("kind", "loss"),
        ("kind", "accuracy"),
        ("size", "loss"),
        ("size", "r2"),
    ]
    for (task, figure), ax in display.axes_.items():
        lines = {line.get_label(): line for line in ax.get_lines()}
        names = ["train", "valid"] if figure != "lr" else ["_child0"]
        drawn = [line for line in ax.get_lines() if len(line.get_xdata()) > 2]
        assert len(drawn) == len(names)
        for rows in set(names) & {"train", "valid"}:
            key = (
                f"{rows}_{figure}" if task == "all tasks" else f"{rows}_{task}_{figure}"
            )
            expected = [row[key] for row in fitted.history_]
            np.testing.assert_array_equal(lines[rows].get_ydata(), expected)
        (best,) = [line for line in ax.get_lines() if len(line.get_xdata()) == 2]
        assert best.get_xdata()[0] == fitted.best_epoch_
        assert ax.get_xlabel() == "epoch"
    titles = [ax.get_title() for ax in display.axes_.values()]
    assert titles[0] == "loss"
    assert titles[2] == "learning rate"
    assert titles[4] == "kind: accuracy"
    legend = display.axes_["all tasks", "loss"].get_legend()
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["train", "valid", "best epoch"]


def test_members_are_runs_in_a_band():
    X, y = make_table()
    ensemble = SeedEnsemble(table_estimator(random_state=None), 3, random_state=0)
    display = LearningCurvesDisplay.from_estimator(ensemble.fit(X, y), label="seeds")
    histories = [member.history_ for member in ensemble.estimators_]
    losses = np.array([[row["train_loss"] for row in each] for each in histories])
    frame = display.frame()
    for run, expected in enumerate(losses):
        found = numbers(frame, task="all tasks", figure="loss", run=run)
        assert found == expected.tolist()
    ax = display.plot().axes_["all tasks", "loss"]
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), losses.mean(axis=0))
    (band,) = ax.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.min() == losses.min()
    assert edges.max() == losses.max()


def test_runs_of_different_lengths():
    X, y = make_table()
    runs = [table_estimator(max_epochs=n).fit(X, y).history_ for n in (2, 5)]
    other = table_estimator(lr=0.3).fit(X, y).history_
    display = LearningCurvesDisplay.from_histories({"some": runs, "other": other})
    assert display.frame()["label"].value_counts().to_dict() == {
        "some": 7 * 7,
        "other": 4 * 7,
    }
    ax = display.plot().axes_["all tasks", "loss"]
    labels = [line.get_label() for line in ax.get_lines()]
    assert labels == ["some train", "other train"]
    assert ax.get_lines()[0].get_ydata()[-1] == runs[1][-1]["train_loss"]


def history(lr, n_epochs=3):
    return [{"train_loss": lr, "train_score": 0.0, "lr": lr}] * n_epochs


def test_every_setting_has_a_line_and_a_colour():
    labels = [f"setting {i}" for i in range(23)]
    histories = {label: history(1.0 + i) for i, label in enumerate(labels)}
    display = LearningCurvesDisplay.from_histories(histories).plot()
    lines = display.axes_["all tasks", "loss"].get_lines()
    drawn = {line.get_label(): line.get_ydata()[0] for line in lines}
    assert drawn == {f"setting {i} train": 1.0 + i for i in range(23)}
    assert len({str(line.get_color()) for line in lines}) == 23
    # Too many names for a panel: they stand beside all panels.
    (legend,) = display.figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == list(drawn)
    display.figure_.canvas.draw()
    right = max(ax.get_window_extent().x1 for ax in display.axes_.values())
    assert legend.get_window_extent().x0 > right


def test_few_settings_have_the_colours_of_the_user():
    with pyplot.rc_context({"axes.prop_cycle": pyplot.cycler(color=["k", "r", "g"])}):
        some = {f"{i}": history(1.0) for i in range(3)}
        display = LearningCurvesDisplay.from_histories(some).plot()
        lines = display.axes_["all tasks", "loss"].get_lines()
        assert [line.get_color() for line in lines] == ["k", "r", "g"]
        more = LearningCurvesDisplay.from_histories({**some, "d": history(1.0)}).plot()
        lines = more.axes_["all tasks", "loss"].get_lines()
        assert len({str(line.get_color()) for line in lines}) == 4


@pytest.mark.parametrize(
    ("rates", "scale"),
    [
        ([0.1, 0.1], "linear"),
        ([0.1, 0.01], "linear"),  # one decade
        ([0.1, 0.009], "log"),
        ([1e-4, 1e-2, 1e-3], "log"),
        ([0.1, 0.001, 0.0], "linear"),  # which has no logarithm
    ],
)
def test_rates_that_are_decades_apart_are_all_to_be_seen(rates, scale):
    settings = {f"lr={rate}": history(rate) for rate in rates}
    display = LearningCurvesDisplay.from_histories(settings).plot()
    assert display.axes_["", "lr"].get_yscale() == scale
    assert display.axes_["all tasks", "loss"].get_yscale() == "linear"
    falling = [row for rate in rates for row in history(rate, 1)]
    display = LearningCurvesDisplay.from_histories({"one": falling}).plot()
    assert display.axes_["", "lr"].get_yscale() == scale


def test_curves_that_begin_late():
    X, y = make_table()
    estimator = table_estimator(max_epochs=2, warm_start=True).fit(X, y)
    estimator.fit(X, y, X_val=X, y_val=y)
    display = LearningCurvesDisplay.from_estimator(estimator)
    found = numbers(display.frame(), task="size", figure="loss", rows="valid")
    assert np.isnan(found[:2]).all()
    assert found[2:] == [row["valid_size_loss"] for row in estimator.history_[2:]]
    # Nor does it matter which run comes first.
    first = table_estimator(max_epochs=2).fit(X, y).history_
    both = LearningCurvesDisplay.from_histories({"a": [first, estimator.history_]})
    curves = {(each.task, each.figure, each.rows) for each in both.curves()}
    assert ("size", "loss", "valid") in curves


def test_some_tasks_only(fitted):
    display = LearningCurvesDisplay.from_estimator(fitted).plot(tasks=["size"])
    assert list(display.axes_) == [("size", "loss"), ("size", "r2")]
    display.plot(tasks=["all tasks"])
    assert ("", "lr") in display.axes_
    with pytest.raises(InvalidParameterError, match=r"\['colour'\]\. There are \['all"):
        display.plot(tasks=["colour"])


def test_what_is_around_an_estimator():
    X, y = make_images()
    pipe = Pipeline([("max", GlobalMaxScaler()), ("model", image_estimator())])
    search = GridSearchCV(pipe, {"model__lr": [0.01]}, cv=2).fit(X, y)
    scaled = TemperatureScaled(image_estimator()).fit(X, y)
    for estimator in (search, scaled):
        frame = LearningCurvesDisplay.from_estimator(estimator).frame()
        assert frame["epoch"].tolist()[:2] == [1, 2]


def test_what_has_no_history(fitted):
    with pytest.raises(ParameterTypeError, match="must be an estimator of mtlearn"):
        LearningCurvesDisplay.from_estimator(LinearRegression())
    with pytest.raises(NotFittedError):
        LearningCurvesDisplay.from_estimator(table_estimator())
    for bad in ([], [[]], 3, [{"loss": 1.0}]):
        with pytest.raises(InvalidParameterError, match=r"a history_ of an .*'a'"):
            LearningCurvesDisplay.from_histories({"a": bad})
    tasks = Tasks(size=Regression(column=1))
    other = table_estimator(tasks).fit(*make_table()).history_
    with pytest.raises(InvalidParameterError, match="be of the same tasks"):
        LearningCurvesDisplay.from_histories({"a": fitted.history_, "b": other})
