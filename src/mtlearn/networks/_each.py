"""A backbone for each task, of one architecture."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mtlearn.networks._features import OfTask, features_of


class BackboneOfEach(nn.Module):
    """Several backbones of one class, and which of them each task has its features of.

    What per-task early stopping ends with: the backbones are those of several epochs.
    An estimator makes it; it is no choice of one's own.

    Parameters
    ----------
    backbone : subclass of torch.nn.Module
        Their class.
    params : mapping of str to object
        Arguments of its constructor.
    which : sequence of int
        For each task the number of its backbone, from 0 on.
    in_features, in_channels, image_size, n_tasks, n_categories, has_missing : object, \
default=None
        What is known of a sample and the tasks; each backbone gets what it asks for.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import MLP, BackboneOfEach
    >>> network = BackboneOfEach(MLP, {"hidden": (4,)}, (0, 1, 0), in_features=3)
    >>> len(network.parts), len(network(torch.zeros(2, 3)))
    (2, 3)
    """

    def __init__(
        self,
        backbone: type[nn.Module],
        params: Mapping[str, Any],
        which: Sequence[int],
        in_features: int | None = None,
        in_channels: int | None = None,
        image_size: Sequence[int] | None = None,
        n_tasks: int | None = None,
        n_categories: Sequence[int] | None = None,
        has_missing: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        given = {
            "in_features": in_features,
            "in_channels": in_channels,
            "image_size": image_size,
            "n_tasks": n_tasks,
            "n_categories": n_categories,
            "has_missing": has_missing,
        }
        accepted = inspect.signature(backbone).parameters
        known = {k: v for k, v in given.items() if k in accepted and v is not None}
        self.which = tuple(which)
        self.parts = nn.ModuleList(
            backbone(**{**known, **params}) for _ in range(max(which) + 1)
        )

    @classmethod
    def of(cls, parts: Sequence[nn.Module], which: Sequence[int]) -> "BackboneOfEach":
        """Make one of backbones that there are.

        Parameters
        ----------
        parts : sequence of torch.nn.Module
            The backbones.
        which : sequence of int
            For each task the number of its own.

        Returns
        -------
        BackboneOfEach
            With these very modules.
        """
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made.which = tuple(which)
        made.parts = nn.ModuleList(parts)
        return made

    @property
    def n_members(self) -> int | None:
        """How many members each backbone has, if it has any."""
        return getattr(self.parts[0], "n_members", None)

    def shared_parameters(self) -> list[nn.Parameter]:
        """Give the weights that all tasks share.

        Returns
        -------
        list of Parameter
            None: tasks of the same epoch have the same backbone, and others not.
        """
        return []

    def forward(self, x: Tensor) -> tuple[OfTask, ...]:
        """Return the features of each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_features), or of Features
            Of each task.
        """
        found = [part(x) for part in self.parts]
        return tuple(
            features_of(found[part], task) for task, part in enumerate(self.which)
        )
