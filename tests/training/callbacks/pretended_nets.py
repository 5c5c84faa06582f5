"""A net that only pretends, for callbacks."""

from types import SimpleNamespace

from torch import nn


class History(list):
    """As much of skorch's history as the callbacks use."""

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return super().__getitem__(index[0])[index[1]]
        return super().__getitem__(index)

    def record(self, key, value):
        self[-1][key] = value


def pretend(valid=True, **figures):
    net = SimpleNamespace(
        history=History(),
        module_=nn.Linear(1, 1),
        criterion_=nn.Module(),
        tasks=SimpleNamespace(names=("a", "b")),
        optimizer_=SimpleNamespace(param_groups=[{"lr": 0.5}]),
    )
    empty = SimpleNamespace(summary=lambda prefix: {})
    train = {"train_loss": 1.0, "train_a_loss": 1.0, "train_b_loss": 2.0, **figures}
    net.tallies_ = {True: SimpleNamespace(summary=lambda prefix: train), False: empty}
    return net
