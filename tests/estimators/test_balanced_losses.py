"""loss_weights= as a way to balance losses, through an estimator."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    Head,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import sharing_report
from mtlearn.losses import DWA, FAMO, GLS, RLW, GradNorm, Uncertainty
from mtlearn.networks import MLP
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

METHODS = [
    Uncertainty(lr=0.1),
    DWA(temperature=0.1),
    RLW(),
    GLS(),
    FAMO(lr=0.1, every=2),
    GradNorm(lr=0.1),
]
NAMES = ["uncertainty", "dwa", "rlw", "gls", "famo", "gradnorm"]


def weights_in(estimator):
    """Return the weights of all epochs."""
    rows = estimator.history_
    return np.array([[row["weight_kind"], row["weight_size"]] for row in rows])


class Crash(Callback):
    armed = False

    def on_batch_end(self, net, training=False, **kwargs):
        if Crash.armed and len(net.history) == 4:
            raise RuntimeError("crash")


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_an_interrupted_fit_ends_with_the_same_bits(method, tmp_path, monkeypatch):
    X, y = make_table(24)
    y[::3, 1] = np.nan
    head = Head(hidden=(4,), dropout=0.3, batch_norm=True)
    params = {
        "tasks": Tasks(kind=Classification(3, head=head), size=Regression()),
        "loss_weights": method,
        "max_epochs": 5,
        "batch_size": 8,
        "callbacks": [Crash()],
    }
    expected = table_estimator(**params).fit(X, y)
    estimator = table_estimator(**params, checkpoint_dir=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Crash, "armed", True)
        with pytest.raises(RuntimeError, match="crash"):
            estimator.fit(X, y)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same_bits(estimator.fit(X, y), expected)
    np.testing.assert_array_equal(weights_in(estimator), weights_in(expected))


@pytest.mark.parametrize(("name", "method"), list(zip(NAMES, METHODS, strict=True)))
def test_a_name_is_the_value_with_its_defaults(name, method):
    X, y = make_table()
    named = table_estimator(loss_weights=name).fit(X, y)
    assert_same_bits(named, table_estimator(loss_weights=type(method)()).fit(X, y))
    assert named.get_params()["loss_weights"] == name


def test_parameters_can_be_searched():
    X, y = make_table()
    estimator = table_estimator(loss_weights=FAMO(), max_epochs=2)
    search = GridSearchCV(estimator, {"loss_weights__lr": [0.1, 0.2]}, cv=2).fit(X, y)
    assert (
        search.best_estimator_.loss_weights.lr
        == search.best_params_["loss_weights__lr"]
    )
    with pytest.raises(InvalidParameterError, match=r"'famo', which .* Pass a FAMO"):
        table_estimator(loss_weights="famo").set_params(loss_weights__lr=0.1)


def test_losses_in_the_history_have_the_weights_of_tasks_only():
    X, y = make_table()
    estimator = table_estimator(loss_weights=Uncertainty(lr=1.0), early_stopping=True)
    estimator.set_params(tasks__size__weight=3.0).fit(X, y)
    for row in estimator.history_:
        for part in ("train", "valid"):
            expected = row[f"{part}_kind_loss"] + 3 * row[f"{part}_size_loss"]
            assert row[f"{part}_loss"] == pytest.approx(expected)
    assert weights_in(estimator)[-1, 0] != 1


def test_weights_of_tasks_are_in_the_losses_that_are_balanced():
    X, y = make_table()
    estimator = table_estimator(loss_weights="gls", max_epochs=1)
    one, other = (
        weights_in(clone(estimator).set_params(tasks__size__weight=weight).fit(X, y))
        for weight in (1.0, 4.0)
    )
    # The geometric mean is twice as large, and so is that of one loss.
    np.testing.assert_allclose(other, one * [[2, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_more_training_goes_on_from_the_state(method):
    X, y = make_table()
    whole = table_estimator(loss_weights=method, batch_size=8)
    first = clone(whole).set_params(random_state=np.random.RandomState(0))
    for _ in range(4):
        first.partial_fit(X, y)
    state = first.net_.balance_.state.state_dict()
    new = method.start(np.ones(2), 0).state_dict()
    assert state.keys() == new.keys()
    if state:  # after four epochs of five steps
        assert any(not np.array_equal(state[name], new[name]) for name in state)
    # As the optimiser's, it is no part of a pickle, and ends where a fit begins anew.
    again = pickle.loads(pickle.dumps(first)).partial_fit(X, y)
    np.testing.assert_array_equal(again.predict(X).shape, (40, 2))
    before = first.net_.balance_
    first.set_params(warm_start=True, max_epochs=1).fit(X, y)
    assert first.net_.balance_ is not before


def test_weights_of_four_small_trainings_move_on():
    X, y = make_table()
    estimator = table_estimator(loss_weights=Uncertainty(lr=0.1))
    for _ in range(4):
        estimator.partial_fit(X, y)
    kind = weights_in(estimator)[:, 0]
    np.testing.assert_allclose(np.log(kind[:2]), [0, -0.1], atol=1e-6)
    assert (np.diff(kind) != 0).all()


def test_members_of_an_ensemble_share_nothing():
    X, y = make_table()
    ensemble = SeedEnsemble(
        table_estimator(loss_weights=RLW(), batch_size=8),
        n_members=2,
        random_state=0,
    ).fit(X, y)
    one, other = ensemble.estimators_
    assert one.loss_weights is not other.loss_weights
    assert (weights_in(one) != weights_in(other)).all()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_files_keep_the_value(method, tmp_path):
    X, y = make_table()
    estimator = table_estimator(loss_weights=method, max_epochs=1).fit(X, y)
    save(estimator, tmp_path / "model")
    again = load(tmp_path / "model")
    assert repr(again.loss_weights) == repr(method)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


@pytest.mark.parametrize("method", [GLS(), GradNorm()], ids=str)
def test_with_everything_else(method):
    X, y = make_images(24)
    y[::3, 0] = np.nan
    estimator = image_estimator(
        loss_weights=method,
        mixing="mixup",
        augmentation="light",
        averaging="ema",
        clip_grad_norm=0.1,
        early_stopping=True,
        accumulate=2,
        batch_size=5,
        precision="float16",
        lr_schedule="one_cycle",
    )
    first, second = (clone(estimator).fit(X, y) for _ in range(2))
    assert_same_bits(first, second)
    assert np.isfinite(weights_in(first)).all()
    assert (weights_in(first) > 0).all()


def test_one_task_has_the_steps_of_its_loss():
    X, y = make_table()
    tasks = Tasks(size=Regression())
    expected = table_estimator(tasks).fit(X, y[:, 1])
    for method in (DWA(), RLW(), GLS(), FAMO(every=1), GradNorm()):
        found = table_estimator(tasks, loss_weights=method).fit(X, y[:, 1])
        np.testing.assert_allclose(
            found.predict(X), expected.predict(X), rtol=1e-9, err_msg=str(method)
        )


def test_a_report_of_sharing_balances_the_joint_network_only():
    X, y = make_table(60)
    balanced, plain = (
        sharing_report(
            table_estimator(loss_weights=given, max_epochs=2),
            X,
            y,
            cv=2,
            random_state=0,
        )
        for given in (GradNorm(lr=0.9), None)
    )
    one, other = (
        [[row[key] for row in report.folds] for key in ("single", "joint")]
        for report in (balanced, plain)
    )
    assert one[0] == other[0]
    assert one[1] != other[1]


@pytest.mark.parametrize("name", ["gradnorm", GradNorm()])
def test_gradients_of_a_frozen_backbone(name):
    X, y = make_table()
    estimator = table_estimator(loss_weights=name, freeze_backbone=True)
    with pytest.raises(InvalidParameterError, match="GradNorm, which looks at gradien"):
        estimator.fit(X, y)
    frozen = clone(estimator).set_params(
        loss_weights=GradNorm(lr=0.1), freeze_backbone=False, freeze_epochs=2
    )
    moved = weights_in(frozen.fit(X, y))
    np.testing.assert_array_equal(moved[:3], 1)
    assert (moved[3] != 1).all()


def test_a_backbone_without_weights_has_no_gradients():
    X, y = make_table()
    estimator = table_estimator(
        loss_weights="gradnorm", backbone=Partial(MLP, hidden=())
    )
    with pytest.raises(ValueError, match="has no weights that the tasks share"):
        estimator.fit(X, y)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_lbfgs(method):
    X, y = make_table()
    estimator = table_estimator(
        loss_weights=method, optimizer=torch.optim.LBFGS, lr=0.1, max_epochs=2
    )
    if isinstance(method, Uncertainty | DWA | GLS):
        assert np.isfinite(estimator.fit(X, y).predict(X)).all()
        return
    name = type(method).__name__
    with pytest.raises(InvalidParameterError, match=f"is {name}, .* LBFGS computes"):
        estimator.fit(X, y)


def test_gradients_of_each_task_in_a_compiled_network():
    X, y = make_table()
    compiled, plain = (
        table_estimator(loss_weights=GradNorm(), compile=given, max_epochs=2).fit(X, y)
        for given in ({"backend": "aot_eager"}, False)
    )
    np.testing.assert_allclose(compiled.predict(X), plain.predict(X), rtol=1e-9)


def test_the_factor_of_a_squared_error():
    X, y = make_table()
    tasks = Tasks(mse=Regression(), mae=Regression(loss="mae"))
    estimator = table_estimator(tasks, loss_weights="uncertainty", max_epochs=1)
    row = estimator.fit(X, y[:, [1, 1]]).history_[0]
    assert (row["weight_mse"], row["weight_mae"]) == (0.5, 1.0)
