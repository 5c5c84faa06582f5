"""Members that are trained together are those that are trained apart."""

import pickle
import threading

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochTimer
from torch import nn

import mtlearn.ensemble._together as together
from mtlearn import (
    Classification,
    Count,
    MultiLabel,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Ordinal,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.augmentation import Augmentation
from mtlearn.exceptions import (
    DivergenceError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.losses import TraceNorm
from mtlearn.networks import MLP, ResNet, TabM
from mtlearn.training import EMA, SWA, TaskMetric

N_ROWS, SEEDS = 50, [3, 4, 5]
TASKS = Tasks(size=Regression(), kind=Classification(3, weight=2.0))
ROUNDING = {"rtol": 0, "atol": 1e-9}  # far below 1e-5


def make_rows(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    kind = rng.integers(3, size=n_rows).astype(float)
    y = np.column_stack([X @ rng.normal(size=5), kind])
    y[rng.random(y.shape) < 0.2] = np.nan
    return X, y, rng.uniform(0.5, 2.0, size=y.shape)


X, Y, WEIGHTS = make_rows()


def estimator(hidden=(6,), dropout=0.0, batch_norm=False, **params):
    backbone = Partial(MLP, hidden=hidden, dropout=dropout, batch_norm=batch_norm)
    given = {"backbone": backbone, "max_epochs": 3, "batch_size": 16, "lr": 1e-2}
    return MultiTaskEstimator(params.pop("tasks", TASKS), **{**given, **params})


def figures(member):
    rows = member[-1].history_ if hasattr(member, "steps") else member.history_
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def weights_of(member):
    inner = member[-1] if hasattr(member, "steps") else member
    return inner.net_.module_.state_dict()


def assert_equal_members(one, other):
    for a, b in zip(one.estimators_, other.estimators_, strict=True):
        for name, value in weights_of(a).items():
            np.testing.assert_allclose(weights_of(b)[name], value, **ROUNDING)
        for row, expected in zip(figures(b), figures(a), strict=True):
            assert row.keys() == expected.keys()
            np.testing.assert_allclose(
                list(row.values()), list(expected.values()), **ROUNDING
            )


@pytest.fixture
def passes(monkeypatch):
    """How many networks each pass through an epoch is of."""
    found = []
    plain = together.train_together

    def noted(nets, *args):
        found.append(len(nets))
        return plain(nets, *args)

    monkeypatch.setattr(together, "train_together", noted)
    return found


def both(template, data=(X, Y), vectorized=True, **params):
    apart, joined = (
        SeedEnsemble(template, seeds=SEEDS, vectorized=each, **params).fit(*data)
        for each in (False, vectorized)
    )
    return apart, joined


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
        messages.append(str(error.value).split(":")[0])
    assert "The training loss of " in messages[-1]
    assert messages[-1] in messages[:-1]  # of the first one that fails


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


class Other(nn.Module):
    """A layer that nobody knows."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 4)
        self.n_features = 4

    def forward(self, x):
        return torch.tanh(self.layer(x))


class Looks(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


OBSTACLES = {
    "accumulate": (2, "several passes"),
    "aggregation": ("pcgrad", "weighs the gradients"),
    "backbone": (Other, "has Other, not known here"),
    "callbacks": ([Looks()], "Looks looks at each batch"),
    "compile": ({"backend": "eager"}, "compiled network"),
    "loss_weights": ("dwa", "found anew"),
    "optimizer": (torch.optim.RMSprop, "RMSprop is none of Adam"),
    "penalty": (TraceNorm(0.1), "weights of each"),
    "precision": ("bfloat16", "rounds otherwise"),
    "mixing": ("mixup", "changes the batches"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_stands_in_the_way_is_named_or_left_apart(name, passes):
    value, reason = OBSTACLES[name]
    template = estimator(max_epochs=2).set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"{name!r} parameter.*{reason}"):
        SeedEnsemble(template, seeds=SEEDS, vectorized=True).fit(X, Y)
    if name in ("callbacks", "optimizer", "mixing"):
        apart, joined = both(template, vectorized="auto")
        for a, b in zip(apart.estimators_, joined.estimators_, strict=True):
            for key, weight in weights_of(a).items():
                assert torch.equal(weights_of(b)[key], weight)
    assert passes == []


def test_a_network_of_members_stands_in_the_way():
    template = estimator(backbone=Partial(TabM, n_members=2, hidden=(4,)))
    with pytest.raises(InvalidParameterError, match="one of many members itself"):
        SeedEnsemble(template, vectorized=True).fit(X, Y)


def test_augmentation_and_tasks_without_labels_stand_in_the_way():
    images = np.zeros((12, 8, 8, 1))
    given = {"backbone": Partial(ResNet, widths=(4,), n_blocks=1, n_features=6)}
    template = MultiTaskImageEstimator(
        Tasks(kind=Classification(3)),
        augmentation=Augmentation(),
        precision="float32",
        **given,
    )
    with pytest.raises(InvalidParameterError, match="'augmentation' parameter"):
        SeedEnsemble(template, vectorized=True).fit(images, np.arange(12) % 3)
    template = estimator(tasks=Tasks(size=Regression(), again=Reconstruction()))
    with pytest.raises(InvalidParameterError, match="'again' learns from X"):
        SeedEnsemble(template, vectorized=True).fit(X, np.nan_to_num(Y[:, 0]))


@pytest.mark.parametrize(
    ("value", "error"),
    [("yes", InvalidParameterError), (1, ParameterTypeError)],
)
def test_other_values_are_refused(value, error):
    with pytest.raises(error, match="'vectorized' parameter of SeedEnsemble must be"):
        SeedEnsemble(estimator(), vectorized=value).fit(X, Y)
