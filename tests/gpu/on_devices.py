"""The same fits on two devices, and where their tensors were."""

import numpy as np
import torch
from skorch.callbacks import Callback

from mtlearn import Partial
from mtlearn.networks import ResNet
from mtlearn.training import weights_of

# Without dropout, whose numbers a GPU draws itself.
SMALL = Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.0)

# What `Places` has seen since `fit_on` began: estimators copy their callbacks.
SEEN = set()


class Places(Callback):
    """Notes on which kinds of devices a fit has its tensors."""

    def on_batch_end(self, net, batch=None, y_pred=(), loss=None, **kwargs):
        x, labels = batch
        tensors = [x, *labels.weights, *y_pred, loss]
        SEEN.update(each.device.type for each in tensors)

    def on_epoch_end(self, net, **kwargs):
        SEEN.update(each.device.type for each in weights_of(net).values())
        for state in net.optimizer_.state.values():
            # An optimiser that is not fused counts its steps on the processor.
            kept = [value for key, value in state.items() if key != "step"]
            SEEN.update(v.device.type for v in kept if isinstance(v, torch.Tensor))


def fit_on(device, estimator, *data, **given):
    """Fit an estimator on a device, and see that all of it was there."""
    SEEN.clear()
    callbacks = [*(estimator.callbacks or []), Places()]
    estimator.set_params(device=device, callbacks=callbacks).fit(*data, **given)
    assert {device} == SEEN
    assert kinds_of_devices(estimator) == {device}
    return estimator.set_params(callbacks=None)


def kinds_of_devices(estimator):
    """Return where the weights of a fitted estimator are."""
    return {each.device.type for each in weights_of(estimator.net_).values()}


def figures(estimator):
    """Return all numbers of the history but those of the clock."""
    return np.array(
        [
            [value for key, value in row.items() if key not in ("seconds", "epoch")]
            for row in estimator.history_
        ],
        dtype=float,
    )


def assert_alike(found, expected, X, rtol=1e-6):
    """Compare what two estimators have learned, and what they predict."""
    assert found.history_[-1].keys() == expected.history_[-1].keys()
    close = {"rtol": rtol, "atol": rtol}
    np.testing.assert_allclose(figures(found), figures(expected), **close)
    for name, weights in weights_of(expected.net_).items():
        got = weights_of(found.net_)[name].cpu().numpy()
        np.testing.assert_allclose(got, weights.cpu().numpy(), err_msg=name, **close)
    assert_predicts_alike(found, expected, X, rtol)


def assert_predicts_alike(found, expected, X, rtol=1e-6):
    """Compare what two estimators predict."""
    outputs = predictions(found, X), predictions(expected, X)
    for got, wanted in zip(*outputs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol)


def predictions(estimator, X):
    """Return arrays of all that an estimator says of X."""
    if not hasattr(estimator, "predict_proba"):
        return [estimator.predict(X)]
    found = estimator.predict_proba(X)
    found = found if isinstance(found, list) else [found]
    return [np.asarray(estimator.predict(X), dtype=float), *found]


def both(device, make, X, y, rtol=1e-6, **given):
    """Fit what `make` returns there and on the processor; compare and return them."""
    found = fit_on(device, make(), X, y, **given)
    expected = fit_on("cpu", make(), X, y, **given)
    assert_alike(found, expected, X, rtol)
    return found, expected
