"""Showing how training goes: a bar, or a line an epoch."""

from typing import Any

from skorch.callbacks import Callback

from mtlearn.training._member import current_member, named_line
from mtlearn.training._net import MultiTaskNet

# skorch's hooks have public names and no parameters of interest.


class ProgressBar(Callback):
    """Show a bar over epochs with the latest losses.

    Parameters
    ----------
    epochs : int
        Epochs at most.
    rows : list of dict
        The history, which another callback fills.
    """

    def __init__(self, epochs: int, rows: list[dict[str, Any]]) -> None:
        self.epochs = epochs
        self.rows = rows

    def on_train_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        # Only now: in a notebook without ipywidgets it warns when it is imported.
        from tqdm.auto import tqdm

        member = current_member()
        name = "fit" if member is None else f"member {member.name}"
        self.bar_ = tqdm(total=self.epochs, unit="epoch", desc=name)

    def on_epoch_begin(self, net: MultiTaskNet, **kwargs: Any) -> None:
        # Epochs that a checkpoint has brought back.
        self.bar_.update(len(net.history) - 1 - self.bar_.n)

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        last = self.rows[-1]
        shown = {key: last[key] for key in _HEADLINE if key in last}
        labels = {key: f"{value:.4g}" for key, value in shown.items()}
        self.bar_.set_postfix(labels, refresh=False)
        self.bar_.update()

    def state_dict(self) -> dict[str, Any]:
        """Give nothing: the rows say how far the bar is."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing over."""

    def close_bar(self) -> None:
        """Leave the bar as it is, if training has begun."""
        if hasattr(self, "bar_"):
            self.bar_.close()


_HEADLINE = ("train_loss", "train_score", "valid_loss", "valid_score")


class EpochLine(Callback):
    """Print a line an epoch with the loss of each task.

    Parameters
    ----------
    rows : list of dict
        The history, which another callback fills.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def on_epoch_end(self, net: MultiTaskNet, **kwargs: Any) -> None:
        print(named_line(format_row(self.rows[-1], net.tasks.names)))


def format_row(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """Write a row of the history as one line.

    Parameters
    ----------
    row : dict
        A row of the history.
    names : tuple of str
        The tasks.

    Returns
    -------
    str
        Epoch, total and per-task losses (validation after a slash), rate, seconds.
    """

    def pair(key: str) -> str:
        train, valid = row[f"train_{key}"], row.get(f"valid_{key}")
        return f"{train:.4f}" + ("" if valid is None else f"/{valid:.4f}")

    losses = ", ".join(f"{name} {pair(f'{name}_loss')}" for name in names)
    return (
        f"epoch {row['epoch']}: loss {pair('loss')} ({losses}), "
        f"lr {row['lr']:.2e}, {row['seconds']:.1f} s"
    )
