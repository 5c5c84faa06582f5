"""The tasks of which is known how sure each prediction is."""

from collections.abc import Sequence
from typing import Any

from mtlearn._utils._listing import bracketed
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import chosen_tasks
from mtlearn.metrics import has_spread
from mtlearn.tasks import Tasks


def sure_tasks(
    estimator: Any, tasks: Tasks, wanted: Sequence[str] | None, owner: str
) -> list[str]:
    """Choose tasks: with probabilities, and with values if there is a spread.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    tasks : Tasks
        Its tasks.
    wanted : sequence of str or None
        Names of tasks; None takes all that can be shown.
    owner : str
        The display's class.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    InvalidParameterError
        If there is no such task, or none at all, or one has no spread.
    """
    real = [
        name
        for name, task in tasks.items()
        if owner in task.displays and not task.has_probabilities
    ]
    if not real or has_spread(estimator):
        return chosen_tasks(estimator, wanted, owner)
    try:
        return chosen_tasks(estimator, wanted, owner, without=real)
    except InvalidParameterError as error:
        raise InvalidParameterError(
            f"{error} The values of {bracketed(real)} need the spread of two members "
            "or more: pass a fitted SeedEnsemble or VotingEnsemble."
        ) from None
