"""DistributedDataParallel wraps a network unchanged, and two processes train as one would."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed
import torch.multiprocessing
import torch.nn.functional as F

from deepen import randomness
from deepen.context import Pass
from deepen.engines import Setup
from deepen.engines.torch_engine import TorchEngine
from deepen.engines.torch_network import TorchNetwork
from deepen.randomness import Moment
from harness import difference
from networks import INPUT_SHAPE, plain

BATCH, PROCESSES = 8, 2


def setup() -> Setup:
    return Setup(plain(), INPUT_SHAPE, seed=4, dtype="float64")


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((BATCH, *INPUT_SHAPE)), rng.integers(0, 5, BATCH)


def one_process(rank: int, folder: str, port: int) -> None:
    torch.set_num_threads(1)
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store = torch.distributed.TCPStore("127.0.0.1", port, is_master=False)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=PROCESSES)
    module = TorchNetwork(setup())
    parallel = torch.nn.parallel.DistributedDataParallel(module)
    share = BATCH // PROCESSES
    part = slice(rank * share, (rank + 1) * share)
    x, y = (torch.from_numpy(array[part]) for array in batch())
    moment = Moment(1, 2, position=rank * share)
    run = Pass(True, lambda path, shape: torch.from_numpy(randomness.uniform(4, path, moment, shape)))
    F.cross_entropy(parallel(x, run), y).backward()
    if rank == 0:
        gradients = {name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None}
        np.savez(f"{folder}/gradients.npz", **gradients)
    torch.distributed.barrier()  # whoever leaves first would cut the connection of the other
    torch.distributed.destroy_process_group()


def test_two_processes_compute_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    # The meeting point outlives both processes: whichever ends last still finds it.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    torch.multiprocessing.spawn(one_process, (str(tmp_path), store.port), nprocs=PROCESSES)
    whole = TorchEngine(setup()).gradients(*batch(), moment=Moment(1, 2))
    with np.load(tmp_path / "gradients.npz") as found:
        assert set(found) == set(whole)
        for path, gradient in whole.items():
            assert difference(found[path], gradient) < 1e-10, path
