"""Generators and batches that are the same in every test."""

import torch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=seeded(7), dtype=dtype)
