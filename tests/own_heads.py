"""A module as a head, and an estimator of two tasks that have it."""

from torch import nn

from mtlearn import Classification, Partial, Regression, Tasks
from tiny_problems import table_estimator


class Own(nn.Module):
    """Two layers, and dropout that draws from torch's generator."""

    def __init__(self, in_features, out_features, width=5, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_features, width), nn.Tanh(), nn.Dropout(dropout),
            nn.Linear(width, out_features),
        )  # fmt: skip

    def forward(self, features):
        return self.layers(features)


def own_tasks(kind=Own, size=Own):
    return Tasks(kind=Classification(3, head=kind), size=Regression(head=size))


def own_estimator(**params):
    return table_estimator(own_tasks(Partial(Own, width=6)), **params)
