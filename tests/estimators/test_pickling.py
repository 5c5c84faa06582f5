"""Pickles: small, without an optimiser, and the same in another process."""

import copy
import io
import pickle
import pickletools
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest

from mtlearn import (
    Classification,
    Head,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.networks import MLP
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)

IN_ANOTHER_PROCESS = """
    import sys
    import joblib
    import torch

    torch.set_num_threads(1)
    outputs = []
    before = torch.get_rng_state()
    for estimator, X, y in joblib.load(sys.argv[1]):
        assert torch.get_rng_state().equal(before)
        outputs.append(estimator.predict_proba(X))
        epochs = estimator.n_iter_
        assert estimator.partial_fit(X, y).n_iter_ == epochs + 1
    joblib.dump(outputs, sys.argv[2])
"""


def test_a_file_is_used_in_another_process(tmp_path):
    # A process of its own imports torch and scikit-learn, which takes seconds.
    fitted = [
        (estimator.fit(X, y), X, y)
        for estimator, (X, y) in (
            (table_estimator(early_stopping=True), make_table()),
            (image_estimator(early_stopping=True), make_images()),
        )
    ]
    joblib.dump(fitted, tmp_path / "models")
    program = textwrap.dedent(IN_ANOTHER_PROCESS)
    paths = [tmp_path / "models", tmp_path / "outputs"]
    subprocess.run([sys.executable, "-c", program, *paths], check=True, timeout=120)
    loaded = joblib.load(tmp_path / "outputs")
    for (estimator, X, _), outputs in zip(fitted, loaded, strict=True):
        for one, other in zip(estimator.predict_proba(X), outputs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    X = rng.random((16, 8, 8), dtype=np.float32)
    y = np.column_stack([np.arange(16) % 10, np.arange(16), rng.random(16)])
    tasks = Tasks(
        digit=Classification(10),
        item=Classification(32),
        shade=Regression(bounds=(0, 1), head=Head(hidden=(32,))),
    )
    estimator = MultiTaskImageEstimator(tasks, max_epochs=1, random_state=0)
    return estimator.fit(X, y)


def test_the_size_is_that_of_the_weights(reference):
    n_weights = sum(p.numel() for p in reference.net_.module_.parameters())
    # The reference network, and three moments of 32 maps for 128 features.
    assert n_weights == 734_955 + 3 * 32 * 128
    size = sum(value.nbytes for value in weights_of(reference).values())
    assert size <= len(pickle.dumps(reference)) < 1.1 * size
    file = io.BytesIO()
    joblib.dump(reference, file)
    assert size <= file.tell() < 1.1 * size


def test_no_optimizer_and_no_torch_storage_inside(reference):
    text = [str(arg) for _, arg, _ in pickletools.genops(pickle.dumps(reference))]
    for word in ("exp_avg", "_rebuild_tensor", "torch.storage", "Storage"):
        assert not any(word in part for part in text), word


def test_a_loaded_estimator_is_complete(reference):
    loaded = pickle.loads(pickle.dumps(reference))
    assert_same_bits(reference, loaded)
    assert loaded.history_ == reference.history_
    assert loaded.task_names_ == ("digit", "item", "shade")
    assert repr(loaded.get_params()) == repr(reference.get_params())
    assert not loaded.net_.module_.training


def reload(estimator):
    return pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize("copied", [copy.deepcopy, reload])
def test_copies_are_independent(copied):
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    expected = estimator.predict(X)
    other = copied(estimator)
    np.testing.assert_array_equal(other.predict(X), expected)
    other.partial_fit(X, y)
    assert not np.array_equal(other.predict(X), expected)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    assert estimator.n_iter_ == 4
    assert other.n_iter_ == 5


def test_partial_fit_after_loading_is_a_first_step_of_the_optimizer():
    X, y = make_table()
    estimator = table_estimator(optimizer="sgd").fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator)).partial_fit(X, y)
    again = table_estimator(optimizer="sgd").fit(X, y)
    again.net_.initialize_optimizer()
    assert_same_bits(loaded, again.partial_fit(X, y))


def test_a_warm_start_after_loading():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(estimator.fit(X, y), loaded.fit(X, y))


def test_parameters_changed_after_fit_do_not_matter_to_predict():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    expected = estimator.predict(X)
    estimator.set_params(
        backbone__hidden=(3, 3, 3),
        tasks__kind__classes=17,
        tasks__size__bounds=(0, 1),
        tasks__size__head=Head(hidden=(7,)),
        precision="float32",
        optimizer="sgd",
        lr=77.0,
        batch_size=1,
    )
    np.testing.assert_array_equal(estimator.predict(X), expected)
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert loaded.lr == 77.0


def test_replaced_parameters_do_not_matter_to_predict():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    expected = estimator.predict(X)
    estimator.set_params(tasks=Classification(), backbone=Partial(MLP, hidden=(2,)))
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.predict(X), expected)


def test_what_y_was_survives():
    X, y = make_table()
    frame = pd.DataFrame({"kind": y[:, 0].astype(int), "size": y[:, 1]})
    frame["kind"] = frame["kind"].map({0: "a", 1: "b", 2: "c"}).astype("category")
    tasks = Tasks(kind=Classification(["a", "b", "c"]), size=Regression())
    estimator = table_estimator(tasks).fit(X, frame)
    loaded = pickle.loads(pickle.dumps(estimator))
    pd.testing.assert_frame_equal(loaded.predict(X), estimator.predict(X))


def test_an_unfitted_estimator():
    loaded = pickle.loads(pickle.dumps(table_estimator()))
    X, y = make_table()
    assert_same_bits(loaded.fit(X, y), table_estimator().fit(X, y))


def test_the_net_alone():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    net = pickle.loads(pickle.dumps(estimator.net_))
    for name, value in net.module_.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights_of(estimator)[name])
