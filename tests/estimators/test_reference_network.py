"""The learner is right: a network of plain torch takes the same ten steps."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional

from mtlearn import (
    Classification,
    Head,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.networks import ResNet

WIDTHS, N_FEATURES, OUTPUTS = (4, 8), 12, (10, 32, 1)
LOSS_WEIGHTS = (1.0, 2.5, 10.0)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.project = None
        if stride != 1 or before != after:
            self.project = nn.Conv2d(before, after, 1, stride, bias=False)
            self.project_norm = nn.BatchNorm2d(after)

    def forward(self, x):
        residual = torch.relu(self.norm1(self.conv1(x)))
        residual = self.norm2(self.conv2(residual))
        if self.project is not None:
            x = self.project_norm(self.project(x))
        return torch.relu(residual + x)


class PlainHead(nn.Module):
    def __init__(self, n_outputs):
        super().__init__()
        self.hidden = nn.Linear(N_FEATURES, 6, bias=False)
        self.norm = nn.BatchNorm1d(6)
        self.out = nn.Linear(6, n_outputs)

    def forward(self, x):
        return self.out(torch.relu(self.norm(self.hidden(x))))


class PlainNetwork(nn.Module):
    """Written without mtlearn; its weights stand in the same order."""

    def __init__(self):
        super().__init__()
        first, second = WIDTHS
        self.stem = nn.Conv2d(1, first, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(first)
        self.block1 = Block(first, first, 1)
        self.block2 = Block(first, first, 1)
        self.block3 = Block(first, second, 2)
        self.block4 = Block(second, second, 1)
        self.dense = nn.Linear(second, N_FEATURES, bias=False)
        self.dense_norm = nn.BatchNorm1d(N_FEATURES)
        self.heads = nn.ModuleList(PlainHead(n) for n in OUTPUTS)

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        x = self.block4(self.block3(self.block2(self.block1(x)))).mean(dim=(2, 3))
        x = torch.relu(self.dense_norm(self.dense(x)))
        return [head(x) for head in self.heads]


class Recorder(Callback):
    """Keeps the initial weights, and each step's images and loss."""

    def initialize(self):
        self.images, self.losses = [], []
        return self

    def on_train_begin(self, net, **kwargs):
        state = net.module_.state_dict()
        self.initial = [value.clone() for value in state.values()]

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.images.append(batch[0].clone())

    def on_batch_end(self, net, loss, **kwargs):
        self.losses.append(loss.item())


@pytest.fixture(scope="module")
def recorded():
    X, y = make_multitask_digits(160, image_size=16, random_state=0)
    y = y.astype(float)
    y[::3, 0] = y[1::4, 1] = y[2::5, 2] = np.nan
    head = Head(hidden=(6,), dropout=0.0)
    digit, item, shade = LOSS_WEIGHTS
    tasks = Tasks(
        digit=Classification(10, weight=digit, head=head),
        item=Classification(32, weight=item, head=head),
        shade=Regression(weight=shade, head=head, bounds=(0, 1)),
    )
    recorder = Recorder()
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=WIDTHS, n_features=N_FEATURES, dropout=0.0),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=2,
        callbacks=[recorder],
        # In float32, ten steps of Adam blow rounding up to the tolerance.
        precision="float64",
        random_state=0,
    )
    return estimator.fit(X, y), recorder, X, y


def plain_losses(recorder, X, y):
    """Train the plain network on the recorded batches; return the loss of each."""
    network = PlainNetwork().double()
    state = dict(zip(network.state_dict(), recorder.initial, strict=True))
    network.load_state_dict(state)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    deviation = np.nanstd(y[:, 2])
    labelled = np.mean(~np.isnan(y), axis=0)
    losses = []
    for images in recorder.images:
        # The rows of a batch, found by their pixels.
        rows = [np.argmax((image == X).all((1, 2))) for image in images[:, 0].numpy()]
        digit, item, shade = (torch.tensor(column) for column in y[rows].T)
        outputs = network(images)
        # A sum is divided by the number of labels that is expected of such a batch.
        expected = LOSS_WEIGHTS / (len(rows) * labelled)
        total = 0.0
        for k, target in enumerate((digit, item)):
            there = ~target.isnan()
            classes = target[there].long()
            loss = functional.cross_entropy(outputs[k][there], classes, reduction="sum")
            total = total + expected[k] * loss
        there = ~shade.isnan()
        value = torch.sigmoid(outputs[2][there, 0])
        error = (value - shade[there]) / deviation
        total = total + expected[2] * (error**2).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    return losses, network


def test_ten_steps_have_the_same_loss(recorded):
    _, recorder, X, y = recorded
    losses, _ = plain_losses(recorder, X, y)
    assert len(recorder.losses) == 10
    np.testing.assert_allclose(recorder.losses, losses, rtol=1e-5)
    assert np.ptp(losses) > 0.1


def test_the_trained_networks_agree(recorded):
    estimator, recorder, X, y = recorded
    _, network = plain_losses(recorder, X, y)
    # Statistics of batch norms are computed in the end: see test_statistics.py.
    pairs = zip(network.buffers(), estimator.net_.module_.buffers(), strict=True)
    for buffer, computed in pairs:
        buffer.copy_(computed)
    network.eval()
    with torch.inference_mode():
        outputs = network(torch.tensor(X)[:, None].double())
    proba = estimator.predict_proba(X)
    for k in range(2):
        expected = torch.softmax(outputs[k], 1).numpy()
        np.testing.assert_allclose(proba[k], expected, atol=1e-4)
    shade = torch.sigmoid(outputs[2]).numpy()
    np.testing.assert_allclose(proba[2], shade, atol=1e-4)


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own(recorded):
    _, recorder, X, _ = recorded
    epochs = [torch.cat(recorder.images[:5]), torch.cat(recorder.images[5:])]
    assert not epochs[0].equal(epochs[1])
    expected = np.unique(X.reshape(len(X), -1), axis=0)
    for images in epochs:
        assert len(images) == len(X)
        seen = np.unique(images.reshape(len(images), -1).numpy(), axis=0)
        np.testing.assert_array_equal(seen, expected)
