"""Graphs of tables with missing values, by torch alone; those of categories."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from mtlearn import Partial, SeedEnsemble, to_onnx
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP, TabM
from mtlearn.persistence._onnx_graph import make_module
from tiny_problems import make_table, table_estimator

X, Y = make_table()
X[::3, 1] = np.nan
NEW = X.copy()
NEW[4, 2] = np.nan  # where none was missing
NEW[5] = np.nan
SMALL = Partial(TabM, n_members=3, hidden=(4,), n_bins=3, width=2)


@pytest.mark.parametrize("backbone", [Partial(MLP, hidden=(4,)), SMALL])
def test_a_graph_knows_what_is_missing(backbone):
    model = table_estimator(backbone=backbone, max_epochs=1).fit(X, Y)
    module = make_module(model)
    found = module(torch.from_numpy(NEW.astype(np.float32)))
    chances, size = model.predict_proba(NEW)
    assert_allclose(found[0], chances, rtol=1e-5)
    assert_allclose(found[1], size, rtol=1e-5)
    whole = torch.ones(2, 4, dtype=torch.uint8)
    assert_allclose(module(whole)[1], model.predict_proba(whole.numpy())[1], rtol=1e-5)


@pytest.mark.parametrize("wraps", [lambda each: each, lambda e: SeedEnsemble(e, 2)])
def test_a_graph_takes_no_categories(wraps, tmp_path):
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"]).assign(
        c=np.where(Y[:, 0], *"xy")
    )
    model = wraps(table_estimator(max_epochs=1, random_state=None)).fit(frame, Y)
    match = r"to_onnx cannot export .* columns of categories \('c'\).* OneHotEncoder"
    with pytest.raises(InvalidParameterError, match=match):
        make_module(model)
    with pytest.raises(InvalidParameterError, match=match):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
