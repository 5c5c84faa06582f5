"""Members that are trained together are those that are trained apart."""

import pickle
import re
import threading

import numpy as np
import pytest
import torch
from joblib import parallel_config
from members_together import (
    N_ROWS,
    ROUNDING,
    SEEDS,
    TASKS,
    WEIGHTS,
    X,
    Y,
    assert_equal_members,
    both,
    estimator,
)
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochTimer

from mtlearn import (
    Classification,
    Count,
    MultiLabel,
    MultiTaskImageEstimator,
    Ordinal,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import (
    DivergenceError,
    InvalidParameterError,
)
from mtlearn.networks import ResNet
from mtlearn.training import EMA, SWA, TaskMetric
from tiny_problems import Counter

FIGURE = r"\d+\.\d+(?:e[+-]?\d+)?"

CASES = {
    "plain": {},
    "stopping, dropout, batch norm, clipping": {
        "early_stopping": True,
        "n_iter_no_change": 1,
        "max_epochs": 6,
        "dropout": 0.3,
        "batch_norm": True,
        "clip_grad_norm": 0.1,
        "lr": 0.05,
    },
    "one cycle, decay, frozen at first": {
        "lr_schedule": "one_cycle",
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "freeze_epochs": 1,
        "tasks": Tasks(
            size=Regression(), kind=Classification(3, class_weight="balanced")
        ),
        "backbone_lr": 1e-3,
    },
    "plateau, momentum, averages": {
        "lr_schedule": Partial(
            torch.optim.lr_scheduler.ReduceLROnPlateau, factor=0.1, patience=0
        ),
        "optimizer": "sgd",
        "early_stopping": True,
        "averaging": EMA(0.5),
        "max_epochs": 5,
        "lr": 0.3,
    },
    "sampler, average over epochs, a metric of training": {
        "sampler": "balanced",
        "averaging": SWA(0.4, lr=1e-3),
        "lr_schedule": "cosine",
        "callbacks": [
            TaskMetric(f1_score, "kind", average="macro", on="train"),
            EpochTimer(),
        ],
    },
}


@pytest.mark.parametrize("case", CASES)
def test_weights_and_histories_are_those_of_members_apart(case, passes):
    apart, joined = both(estimator(**CASES[case]), (X, Y, WEIGHTS))
    assert passes[0] == 3
    if "callbacks" in CASES[case]:  # an epoch's duration
        for member in (*apart.estimators_, *joined.estimators_):
            for row in member.history_:
                row.pop("dur")
    assert_equal_members(apart, joined)


def test_members_stop_by_themselves(passes):
    case = CASES["stopping, dropout, batch norm, clipping"]
    ensemble = SeedEnsemble(estimator(**case), seeds=SEEDS, vectorized=True)
    n_epochs = [member.n_iter_ for member in ensemble.fit(X, Y).estimators_]
    assert len(set(n_epochs)) > 1
    # Each pass is of those that still train; the last one alone trains by itself.
    left = [sum(n > epoch for n in n_epochs) for epoch in range(max(n_epochs))]
    assert passes == [n for n in left if n > 1]


def test_kinds_with_losses_of_their_own():
    rng = np.random.default_rng(1)
    tasks = Tasks(
        grade=Ordinal([0, 1, 2]),
        n=Count(),
        bounded=Regression(bounds=(-1, 5)),
        has=MultiLabel(["a", "b"]),
    )
    y = np.column_stack(
        [
            rng.integers(3, size=N_ROWS),
            rng.poisson(2, size=N_ROWS),
            rng.uniform(-1, 5, size=N_ROWS),
            rng.integers(2, size=(N_ROWS, 2)),
        ]
    ).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    assert_equal_members(*both(estimator(tasks=tasks), (X, y)))
    # Of resamples, counts have means of their own, which outputs are shifted by.
    apart, joined = both(
        estimator(tasks=Count()), (X, np.nan_to_num(y[:, 1])), bootstrap=True
    )
    assert_equal_members(apart, joined)
    # One column of labels is of a kind that sums up its losses itself.
    one_label = X, rng.integers(3, size=N_ROWS).astype(float)
    assert_equal_members(*both(estimator(tasks=MultiLabel(3)), one_label))


def test_loss_of_the_users_may_be_one_of_a_whole_batch():
    def spread(output, target):
        return (output - output.mean() - target) ** 2

    template = estimator(tasks=Tasks(size=Regression(loss=spread)))
    data = X, np.nan_to_num(Y[:, 0])
    with pytest.raises(InvalidParameterError, match=r"'tasks'.*'size' has parts not"):
        SeedEnsemble(template, vectorized=True).fit(*data)
    assert_equal_members(*both(template, data, vectorized="auto"))


def test_resamples_have_scales_of_their_own(passes):
    apart, joined = both(estimator(), (X, Y), bootstrap=True)
    assert passes == [3, 3, 3]
    assert_equal_members(apart, joined)


def test_images_with_batch_norm_and_dropout(passes):
    rng = np.random.default_rng(2)
    images = rng.normal(size=(24, 6, 6, 1))
    backbone = Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.3)
    template = MultiTaskImageEstimator(
        TASKS, backbone=backbone, max_epochs=2, batch_size=10, precision="float64"
    )
    apart, joined = both(template, (images, Y[:24]))
    assert passes == [3, 3]
    assert_equal_members(apart, joined)
    # Which takes no less time.
    SeedEnsemble(template, 2, vectorized="auto").fit(images, Y[:24])
    assert passes == [3, 3]


def test_pipelines_and_what_a_fitted_member_does(tmp_path):
    template = make_pipeline(StandardScaler(), estimator())
    apart, joined = both(template)
    assert_equal_members(apart, joined)
    expected = apart.predict(X)
    np.testing.assert_allclose(joined.predict(X), expected, **ROUNDING)
    again = pickle.loads(pickle.dumps(joined))
    np.testing.assert_array_equal(again.predict(X), joined.predict(X))
    joined = SeedEnsemble(estimator(), seeds=SEEDS, vectorized=True).fit(X, Y)
    save(joined, tmp_path / "ensemble.zip")
    read = load(tmp_path / "ensemble.zip")
    assert read.vectorized is True
    np.testing.assert_array_equal(read.predict(X), joined.predict(X))


def test_more_training_is_the_same():
    apart, joined = both(estimator())
    for each in (apart, joined):
        each.set_params(vectorized=False).partial_fit(X, Y)
    assert_equal_members(apart, joined)


def test_callbacks_of_scikit_learn_see_each_member():
    counter = Counter()
    ensemble = SeedEnsemble(estimator(max_epochs=2), seeds=SEEDS, vectorized=True)
    ensemble.set_callbacks(counter).fit(X, Y)
    assert sorted(counter.ended[:-1]) == ["epoch"] * 6 + ["fit"] * 3
    assert counter.ended[:3] == ["epoch"] * 3  # of the first epoch


def test_a_search_and_an_ensemble_inside(passes):
    search = GridSearchCV(estimator(max_epochs=1), {"lr": [0.01, 0.02]}, cv=2)
    data = X, np.nan_to_num(Y)
    apart, joined = both(search, data)
    assert passes[:5] == [3] * 5  # four fits, and those with the best parameters
    np.testing.assert_allclose(joined.predict(X), apart.predict(X), **ROUNDING)
    apart, joined = both(SeedEnsemble(estimator(max_epochs=1), 2))
    assert passes[-2:] == [3, 3]
    np.testing.assert_allclose(joined.predict(X), apart.predict(X), **ROUNDING)


def test_each_worker_trains_its_share_together(passes):
    with parallel_config("threading"):
        apart, joined = both(estimator(max_epochs=2), n_jobs=2)
    assert passes == [2, 2]  # and one alone
    assert_equal_members(apart, joined)


def test_checkpoints_go_on_together(tmp_path):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2 and (tmp_path / "fail").exists():
                raise OSError("no electricity")

    template = estimator(
        checkpoint_dir=tmp_path / "kept", callbacks=[Stop()], max_epochs=4
    )
    (tmp_path / "fail").touch()
    ensemble = SeedEnsemble(template, seeds=SEEDS, vectorized=True)
    with pytest.raises(OSError, match="no electricity"):
        ensemble.fit(X, Y)
    assert not hasattr(ensemble, "estimators_")
    (tmp_path / "fail").unlink()
    ensemble.fit(X, Y)
    apart = SeedEnsemble(
        template.set_params(checkpoint_dir=None), seeds=SEEDS, vectorized=False
    )
    assert_equal_members(apart.fit(X, Y), ensemble)


def test_no_thread_outlives_an_error():
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise ValueError("one of them")

    n_threads = threading.active_count()
    with pytest.raises(ValueError, match="one of them"):
        SeedEnsemble(
            estimator(callbacks=[Fails()]), seeds=SEEDS, vectorized="auto"
        ).fit(X, Y)
    assert threading.active_count() == n_threads


def test_error_of_a_loss_that_is_not_finite_is_the_same():
    template = estimator(optimizer="sgd", lr=1e9, max_epochs=20)
    messages = []
    for seeds in (*([seed] for seed in SEEDS), SEEDS):
        with pytest.raises(DivergenceError) as error:
            SeedEnsemble(template, seeds=seeds, vectorized=True).fit(X, Y)
        messages.append(str(error.value))
    assert messages[-1].startswith("The training loss of ")
    by_text = {re.sub(FIGURE, "", each): each for each in messages[:-1]}
    expected = by_text[re.sub(FIGURE, "", messages[-1])]  # of the first one that fails
    np.testing.assert_allclose(
        np.array(re.findall(FIGURE, messages[-1]), float),
        np.array(re.findall(FIGURE, expected), float),
        rtol=1e-6,
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_members_that_diverge_fall_back_by_themselves():
    template = estimator(
        optimizer=Partial(torch.optim.SGD, momentum=0.99),
        lr=3.0,
        max_epochs=30,
        on_divergence="restore_best",
        early_stopping=True,
        n_iter_no_change=30,
        tasks=Tasks(size=Regression()),
    )
    apart, joined = both(template, (X, Y[:, 0]))
    epochs = [member.n_iter_ for member in apart.estimators_]
    assert min(epochs) < 30
    assert [member.n_iter_ for member in joined.estimators_] == epochs
    best = [member.best_epoch_ for member in apart.estimators_]
    assert [member.best_epoch_ for member in joined.estimators_] == best
