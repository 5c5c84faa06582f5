"""Losses of labels that are there or not, and what their scores mean."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import (
    asymmetric_loss,
    binary_cross_entropy,
    binary_focal_loss,
)
from mtlearn.tasks._known_loss import check_options, known_loss
from mtlearn.tasks._label_chances import log_odds, score_of
from mtlearn.tasks._mean_outputs import mean_of_labels


class LabelLoss:
    """The loss of each label of a task, of which `pos_weight_` is known."""

    loss: Any
    label_smoothing: float
    pos_weight_: np.ndarray

    def _check_label_loss(self, owner: str) -> None:
        """Raise if `label_smoothing`, or an option of the loss, is a wrong one."""
        share: dict[str, Any] = {"low": 0, "high": 1, "include_high": False}
        check_real(self.label_smoothing, "label_smoothing", owner, **share)
        if self.label_smoothing and self.loss != "bce":
            raise InvalidParameterError(
                f"The 'label_smoothing' parameter of {owner} goes with loss='bce'. Got "
                f"{self.label_smoothing!r} with {short(self.loss)} instead."
            )
        row = torch.zeros(1, 2, device="cpu")
        check_options(self.loss, _LOSSES, (row, row))

    def loss_spec(self) -> tuple[str | Callable[..., Tensor], dict[str, Any]]:
        """Give the loss of each label.

        Returns
        -------
        loss, options
            A name or a callable, and its options.
        """
        known = self._known_loss()
        return (self.loss, {}) if known is None else known

    def _known_loss(self) -> tuple[str, dict[str, Any]] | None:
        """Give the name and the options of a loss of this package; None of another."""
        known = known_loss(self.loss, _LOSSES)
        if known is None:
            return None
        name, given = known
        if name == "bce":
            given = {"label_smoothing": self.label_smoothing, **given}
        name = "binary_focal" if name == "focal" else name
        return name, {"pos_weight": self.pos_weight_, **given}

    def _start_at(self, chance: np.ndarray) -> np.ndarray:
        """Give the scores at which the loss is lowest, of labels with these chances."""
        return score_of(chance, *(self._known_loss() or ("bce", {})))

    def _log_odds(self, output: Tensor) -> Tensor:
        """Give the logarithms of the odds that the loss has taught scores to mean."""
        scores, known = output.double(), self._known_loss()
        return scores if known is None else log_odds(scores, *known)

    def mean_output(self) -> Callable[[Tensor], Tensor]:
        """Give what makes one output of those of a network's members.

        Returns
        -------
        callable
            Gets `(n_samples, n_members, n_outputs)`.
        """
        return mean_of_labels

    def activate(self, output: Tensor) -> Tensor:
        """Map scores to the probabilities that the loss has taught them to mean.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_labels)
            Scores.

        Returns
        -------
        Tensor of float64 of shape (n_samples, n_labels)
            Probability of each label.
        """
        return torch.sigmoid(self._log_odds(output))


_LOSSES: dict[str, Callable[..., Tensor]] = {
    "bce": binary_cross_entropy,
    "focal": binary_focal_loss,
    "asymmetric": asymmetric_loss,
}
