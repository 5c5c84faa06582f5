"""What fit learns and leaves behind."""

import gc
import weakref

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import check_estimator_repr

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.exceptions import DivergenceError, InvalidDataError, NetworkError
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    table_tasks,
)


def test_mixed_kinds_are_learned_together():
    X, y = make_table(300)
    estimator = table_estimator(max_epochs=60, batch_size=100).fit(X, y)
    predicted = estimator.predict(X)
    assert np.mean(predicted[:, 0] == y[:, 0]) > 0.9
    assert np.mean((predicted[:, 1] - y[:, 1]) ** 2) < 0.1 * np.var(y[:, 1])
    assert estimator.score(X, y) > 0.9


def test_images_are_learned():
    rng = np.random.default_rng(0)
    X = rng.random((60, 6, 6), dtype=np.float32)
    y = np.arange(60) % 2
    X[y == 1, :3] += 1.0
    estimator = image_estimator(Classification(), max_epochs=15).fit(X, y)
    assert estimator.score(X, y) > 0.9


def test_fitted_attributes_of_a_table():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    assert estimator.task_names_ == ("kind", "size")
    assert isinstance(estimator.tasks_, Tasks)
    np.testing.assert_array_equal(estimator.classes_[0], [0, 1, 2])
    assert estimator.classes_[1] is None
    assert estimator.n_features_in_ == 4
    assert estimator.n_iter_ == estimator.best_epoch_ == 4
    assert not hasattr(estimator, "feature_names_in_")


def test_fitted_attributes_of_images():
    X, y = make_images(n_channels=3)
    estimator = image_estimator().fit(X, y)
    assert estimator.image_shape_ == (6, 6, 3)
    assert estimator.n_features_in_ == 108


def test_images_without_a_channel_axis_have_one_channel():
    X, y = make_images()
    estimator = image_estimator().fit(X[..., 0], y)
    assert estimator.image_shape_ == (6, 6, 1)
    np.testing.assert_array_equal(estimator.predict(X[..., 0]), estimator.predict(X))


def test_fit_changes_no_parameter():
    X, y = make_table()
    estimator = table_estimator()
    before = repr(estimator.get_params())
    objects = dict(vars(estimator))
    estimator.fit(X, y)
    assert repr(estimator.get_params()) == before
    assert all(vars(estimator)[name] is value for name, value in objects.items())
    # The fitted tasks are clones.
    assert not hasattr(estimator.tasks["kind"], "classes_")


@pytest.mark.filterwarnings("ignore:Floating-point numbers that are all whole")
def test_a_second_fit_forgets_the_first():
    X, y = make_table()
    estimator = table_estimator().set_params(tasks=None)
    estimator.fit(X, y)
    assert hasattr(estimator, "classes_")
    estimator.fit(X, y[:, 1:] + 0.5)
    assert estimator.task_names_ == ("task_0",)
    assert not hasattr(estimator, "classes_")
    assert estimator.n_iter_ == 4


def test_a_fitted_estimator_does_not_keep_the_data_alive():
    X, y = make_images()
    alive = weakref.ref(X)
    estimator = image_estimator(early_stopping=True).fit(X, y)
    del X
    gc.collect()
    assert alive() is None
    assert estimator.n_iter_ == 2


def test_dropping_an_estimator_frees_its_network():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    alive = weakref.ref(estimator.net_.module_)
    del estimator
    gc.collect()
    assert alive() is None


def test_an_unfitted_estimator_has_no_view():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        table_estimator().task("kind")


@pytest.mark.filterwarnings("ignore:Floating-point numbers that are all whole")
def test_inferred_tasks():
    X, y = make_table()
    estimator = table_estimator().set_params(tasks=None).fit(X, y)
    kinds = [task.kind for task in estimator.tasks_]
    assert kinds == ["classification", "regression"]
    assert estimator.task_names_ == ("task_0", "task_1")


def test_one_kind_holds_for_every_column():
    X, y = make_table()
    estimator = table_estimator(Regression()).fit(X, y)
    assert [task.kind for task in estimator.tasks_] == ["regression", "regression"]
    assert not hasattr(estimator, "predict_proba")


@pytest.mark.parametrize(
    "weights", [[0.0, 3.0], {"kind": 0.0, "size": 3.0}, {"kind": 0.0}]
)
def test_loss_weights_replace_the_tasks_own(weights):
    X, y = make_table()
    size = 3.0 if len(weights) == 2 else 1.0
    tasks = Tasks(kind=Classification(3, weight=0.0), size=Regression(weight=size))
    expected = table_estimator(tasks).fit(X, y)
    assert_same_bits(expected, table_estimator(loss_weights=weights).fit(X, y))


@pytest.mark.filterwarnings("ignore:Floating-point numbers that are all whole")
def test_loss_weights_of_inferred_tasks():
    X, y = make_table()
    estimator = table_estimator(loss_weights={"task_1": 5.0}).set_params(tasks=None)
    row = estimator.fit(X, y).history_[0]
    expected = row["train_task_0_loss"] + 5 * row["train_task_1_loss"]
    assert row["train_loss"] == pytest.approx(expected)


def test_a_task_of_weight_zero_does_not_train_its_head():
    X, y = make_table()
    first = table_estimator(loss_weights=[0, 1], max_epochs=1).fit(X, y)
    again = table_estimator(loss_weights=[0, 1], max_epochs=9).fit(X, y)
    for name in ("heads.0.0.weight", "heads.0.0.bias"):
        before = first.net_.module_.state_dict()[name]
        assert before.equal(again.net_.module_.state_dict()[name])


def test_a_failed_fit_leaves_no_fitted_network():
    X, y = make_table()
    estimator = table_estimator(optimizer="sgd", lr=1e30, max_epochs=50)
    with pytest.raises(DivergenceError):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_one_row_an_epoch_is_refused_where_there_is_batch_normalisation():
    X, y = make_images()
    with pytest.raises(InvalidDataError, match="cannot train on one row at a time"):
        image_estimator(batch_size=1).fit(X, y)


def test_a_last_batch_of_one_row_joins_the_one_before():
    X, y = make_images(9)
    image_estimator(batch_size=4).fit(X, y)  # 4 + 5: batch norm cannot train on 1


def test_the_backbone_of_another_domain_is_an_error():
    X, y = make_table()
    with pytest.raises(NetworkError, match="ResNet could not be applied to a batch"):
        MultiTaskEstimator(table_tasks(), backbone="resnet").fit(X, y)


def test_embed_gives_the_shared_features():
    X, y = make_images(300)
    estimator = image_estimator(max_epochs=1).fit(X, y)
    features = estimator.embed(X)  # more rows than one batch of prediction
    assert features.shape == (300, 6)
    assert features.dtype == np.float32
    np.testing.assert_allclose(estimator.embed(X[7:9]), features[7:9], rtol=1e-5)


def test_prediction_does_not_depend_on_the_batch():
    X, y = make_images(300)
    estimator = image_estimator(max_epochs=1).fit(X, y)
    whole = estimator.predict_proba(X)[0]
    parts = np.concatenate([estimator.predict_proba(X[i : i + 7])[0] for i in (0, 7)])
    np.testing.assert_allclose(parts, whole[:14], rtol=1e-5)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = estimator.predict_proba(X[order])[0]
    np.testing.assert_allclose(shuffled, whole[order], rtol=1e-5)


def test_text_repr_shows_tasks_and_backbone():
    estimator = table_estimator()
    check_estimator_repr("MultiTaskEstimator", estimator)
    text = repr(estimator)
    assert "kind=Classification(classes=3)" in text
    assert "size=Regression()" in text
    assert "backbone=Partial(MLP, hidden=(8,))" in text


@pytest.mark.parametrize("fitted", [False, True])
def test_html_repr_shows_the_tasks(fitted):
    estimator = table_estimator()
    if fitted:
        estimator.fit(*make_table())
    page = estimator_html_repr(estimator)
    assert "tasks__kind" in page
    assert "Classification(classes=3)" in page
    assert "backbone__hidden" in page
