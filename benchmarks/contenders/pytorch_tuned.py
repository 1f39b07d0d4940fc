"""PyTorch with what is known to help a CPU, and nothing that hinders.

Channels-last memory, ReLU in place, fused Adam, an allocator that keeps freed memory, as many threads as cores,
and batches by index from images that lie in memory as they are computed with: no DataLoader. `compiled` adds
`torch.compile`.
"""

from __future__ import annotations

import ctypes
import platform
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from common.task import RATE, Runner, Task, by_steps, parts, shuffled
from contenders.pytorch_networks import NETWORKS, parameters


def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks, rather than map fresh pages at every step."""
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, 2**30)
        libc.mallopt(m_trim_threshold, 2**30)


def prepared(task: Task, **settings: float) -> nn.Module:
    """Make the network and set PyTorch up."""
    torch.manual_seed(task.seed)
    torch.set_num_threads(task.threads)
    keep_freed_memory()
    return NETWORKS[task.network](in_place=True, **settings).to(memory_format=torch.channels_last)


def tensor(task: Task, part: str = "train") -> Tensor:
    """Return the images in the order of memory that the network computes in."""
    return torch.from_numpy(task.scaled(part)).contiguous(memory_format=torch.channels_last)


def train(task: Task) -> Runner:
    """Train on random batches; the option `compiled` compiles network and loss."""
    network, x, t = prepared(task), tensor(task), torch.from_numpy(task.labels())
    adam = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(network(images), labels)

    loss = torch.compile(loss_of) if task.options.get("compiled") else loss_of
    batches = shuffled(len(x), task.batch)

    def step() -> None:
        batch = torch.from_numpy(next(batches))
        adam.zero_grad()
        loss(x[batch], t[batch]).backward()
        adam.step()

    return by_steps(step, task.batch, parameters(network))


def predict(task: Task) -> Runner:
    """Compute the logits; batch normalization is folded into the convolutions; `compiled` compiles and freezes."""
    network, x = prepared(task).eval(), tensor(task)
    for each in network.modules():
        if isinstance(each, nn.Sequential):
            fold(each)
    if task.options.get("compiled"):
        torch._inductor.config.freezing = True
        network = torch.compile(network)
    which = parts(len(x), task.batch)

    def step() -> None:
        with torch.inference_mode():
            network(x[next(which)])

    return by_steps(step, task.batch)


def fold(layers: nn.Sequential) -> None:
    """Replace each convolution with batch normalization behind it by one convolution."""
    for place in range(len(layers) - 1):
        convolution, normalization = layers[place], layers[place + 1]
        if isinstance(convolution, nn.Conv2d) and isinstance(normalization, nn.BatchNorm2d):
            layers[place] = fuse_conv_bn_eval(convolution, normalization).to(memory_format=torch.channels_last)
            layers[place + 1] = nn.Identity()


def learn(task: Task, ready: Callable[[], None], reached: Callable[[float, float], None]) -> None:
    """Train DeepConvNet as deepen's recipe `fast` does; the options are the recipe's settings."""
    settings = task.options["settings"]
    epochs, batch = settings["epochs"], settings["batch_size"]
    network, x, t = prepared(task, dropout=settings["dropout"]), tensor(task), torch.from_numpy(task.labels())
    for each in network.modules():
        if isinstance(each, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(each.weight, nonlinearity="relu")
            nn.init.zeros_(each.bias)
    adam = torch.optim.Adam(network.parameters(), lr=settings["rate"], fused=True)
    steps = -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, settings["rate"], epochs=epochs, steps_per_epoch=steps, cycle_momentum=False
    )
    test, labels = tensor(task, "test"), torch.from_numpy(task.labels("test"))
    ready()
    for _ in range(epochs):
        start, total = time.perf_counter(), torch.zeros(())
        for chosen in torch.randperm(len(x)).split(batch):
            adam.zero_grad()
            loss = F.cross_entropy(network(shifted(x[chosen], settings["shift"])), t[chosen])
            loss.backward()
            adam.step()
            schedule.step()
            total += loss.detach()
        total.item()
        seconds = time.perf_counter() - start
        network.eval()
        with torch.inference_mode():
            hits = sum(
                int((network(each).argmax(1) == right).sum())
                for each, right in zip(test.split(256), labels.split(256), strict=True)
            )
        network.train()
        reached(seconds, hits / len(test))


def shifted(x: Tensor, most: int) -> Tensor:
    """Move each image by up to so many pixels; zeros come in."""
    n, _, h, w = x.shape
    padded = F.pad(x, (most,) * 4)
    rows = torch.randint(2 * most + 1, (n, 1, 1)) + torch.arange(h).view(1, h, 1)
    columns = torch.randint(2 * most + 1, (n, 1, 1)) + torch.arange(w).view(1, 1, w)
    moved = padded.permute(0, 2, 3, 1)[torch.arange(n).view(n, 1, 1), rows, columns]
    return moved.permute(0, 3, 1, 2)
