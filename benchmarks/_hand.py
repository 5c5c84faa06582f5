"""The same network and training written by hand in plain torch, without mtlearn."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks._problem import Problem
from benchmarks._process import Contender


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.project = None
        if stride != 1 or before != after:
            self.project = nn.Conv2d(before, after, 1, stride, bias=False)
            self.project_norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the next block gets."""
        residual = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        residual = self.norm2(self.conv2(residual))
        if self.project is not None:
            x = self.project_norm(self.project(x))
        residual += x
        return functional.relu(residual, inplace=True)


class PlainHead(nn.Module):
    """One hidden layer and the outputs of a task."""

    def __init__(self, problem: Problem, task: int) -> None:
        super().__init__()
        width = problem.head_hidden[task]
        self.hidden = nn.Linear(problem.n_features, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(problem.head_dropout)
        self.out = nn.Linear(width, problem.n_outputs[task])

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for some features."""
        return self.out(self.dropout(functional.relu(self.norm(self.hidden(x)))))


class PlainNetwork(nn.Module):
    """The residual network with a head for each task."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        width = problem.widths[0]
        self.stem = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential()
        for stage, after in enumerate(problem.widths):
            for block in range(problem.n_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(Block(width, after, stride))
                width = after
        self.dense = nn.Linear(width, problem.n_features, bias=False)
        self.dense_norm = nn.BatchNorm1d(problem.n_features)
        self.dropout = nn.Dropout(problem.dropout)
        self.heads = nn.ModuleList(PlainHead(problem, task) for task in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of every task."""
        x = functional.relu(self.stem_norm(self.stem(x)), inplace=True)
        x = self.blocks(x).mean(dim=(2, 3))
        x = self.dropout(functional.relu(self.dense_norm(self.dense(x))))
        return tuple(head(x) for head in self.heads)


def summed_loss(
    outputs: tuple[Tensor, ...], digit: Tensor, item: Tensor, shade: Tensor
) -> Tensor:
    """Return the sum of the three losses, computed in float32."""
    return (
        functional.cross_entropy(outputs[0].float(), digit)
        + functional.cross_entropy(outputs[1].float(), item)
        + functional.mse_loss(outputs[2][:, 0].float(), shade)
    )


def count_weights(network: nn.Module) -> int:
    """Count the trainable weights."""
    return sum(weight.numel() for weight in network.parameters())


def training(
    X: np.ndarray,
    y: np.ndarray,
    problem: Problem,
    threads: int | None,
    *,
    channels_last: bool = False,
    bfloat16: bool = False,
    compiled: bool = False,
    fused: bool = False,
) -> Contender:
    """Return a loop that trains one epoch a call, and returns the mean loss."""
    if threads is not None:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = PlainNetwork(problem).to(memory_format=layout)
    images = torch.from_numpy(X)[:, None].contiguous(memory_format=layout)
    digit, item = (torch.from_numpy(y[:, k]).long() for k in (0, 1))
    shade = torch.from_numpy(y[:, 2]).contiguous()
    optimizer = torch.optim.Adam(network.parameters(), lr=problem.lr, fused=fused)
    forward = torch.compile(network) if compiled else network

    def epoch() -> float:
        network.train()
        total = torch.zeros(())
        for rows in torch.randperm(len(images)).split(problem.batch_size):
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                outputs = forward(images[rows])
            loss = summed_loss(outputs, digit[rows], item[rows], shade[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        return total.item() / len(images)

    return Contender(epoch, lambda: count_weights(network))
