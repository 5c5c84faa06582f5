"""What older versions kept in another way."""

import re
from collections.abc import Sequence

from mtlearn.tasks import Tasks
from mtlearn.training import MultiTaskNet

# Weights of heads, and of losses that learn, by the number of their task.
_NUMBERED = re.compile(r"(heads\.|criterion\.parts\.)(\d+)(?=\.)")
_OF_TASKS = ("module__heads", "criterion__losses", "criterion__task_weights")


def net_in_order(net: MultiTaskNet, tasks: Tasks, order: Sequence[int]) -> MultiTaskNet:
    """Give a copy of a net whose tasks are in another order.

    Parameters
    ----------
    net : MultiTaskNet
        Fitted.
    tasks : Tasks
        Its tasks in the new order.
    order : sequence of int
        Which of its tasks comes first, second and so on.

    Returns
    -------
    MultiTaskNet
        As a pickle of the net gives it.
    """
    state = net.__getstate__()
    arguments = {**state["arguments"], "tasks": tasks}
    for name in _OF_TASKS:
        arguments[name] = tuple(arguments[name][number] for number in order)
    weights = {}
    for name, values in state["weights"].items():
        found = _NUMBERED.match(name)
        if found:
            number = order.index(int(found[2]))
            name = f"{found[1]}{number}{name[found.end() :]}"
        weights[name] = values
    copy = type(net).__new__(type(net))
    copy.__setstate__({**state, "arguments": arguments, "weights": weights})
    return copy
