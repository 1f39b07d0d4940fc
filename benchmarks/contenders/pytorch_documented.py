"""PyTorch as its tutorials teach it: a DataLoader, loss, backward, step, zero_grad; the loss is read now and then.

The images are tensors of a `TensorDataset` already: nothing is decoded or scaled while the time is measured.
"""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from common.task import RATE, Runner, Task
from contenders.pytorch_networks import NETWORKS, parameters


def train(task: Task) -> Runner:
    """Train as https://pytorch.org/tutorials/beginner/basics/optimization_tutorial.html does, with Adam."""
    dataset = TensorDataset(torch.from_numpy(task.scaled()), torch.from_numpy(task.labels()))
    loader = DataLoader(dataset, batch_size=task.batch, shuffle=True, drop_last=True)
    model = NETWORKS[task.network](in_place=False)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    model.train()

    def batches():
        while True:
            yield from enumerate(loader)

    endless = batches()

    def rate(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            batch, (X, y) = next(endless)
            loss = loss_fn(model(X), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if batch % 100 == 0:
                loss.item()
        return steps * task.batch / (time.perf_counter() - start)

    return Runner(rate, task.batch, parameters(model))
