"""Weights that an optimiser moves only after it has moved others."""

import torch


def give_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Give weights of torch's SGD that have no momentum yet one of zero.

    Its fused form, unlike the others, fails where some have one, as where a part of a
    network was frozen at first.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Changed in place, if it is such.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        weights = [each for each in group["params"] if each.requires_grad]
        begun = [optimizer.state[each].get("momentum_buffer") for each in weights]
        if not group.get("fused") or all(each is None for each in begun):
            continue
        for weight, momentum in zip(weights, begun, strict=True):
            if momentum is None:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
