"""Train in a process that is killed at random points, and print what comes out.

Run by test_killed_training.py. The children are forked from a process that has
imported all it needs, so that each of them takes no longer than its training.
"""

import hashlib
import multiprocessing
import random
import signal
import sys
import time
from pathlib import Path

import torch

from mtlearn import SeedEnsemble
from tiny_problems import image_estimator, make_images, make_table, table_estimator


def images(folder):
    """Train with much that has a state: averages, a schedule, random changes."""
    estimator = image_estimator(
        max_epochs=15,
        batch_size=8,
        averaging="ema",
        lr_schedule="cosine",
        augmentation="standard",
        mixing="mixup",
        early_stopping=True,
        checkpoint_dir=folder,
    )
    return [estimator.fit(*make_images(40))]


def ensemble(folder):
    """Train members one after the other."""
    member = table_estimator(
        max_epochs=12, batch_size=8, random_state=None, checkpoint_dir=folder
    )
    return SeedEnsemble(member, 3, random_state=0).fit(*make_table()).estimators_


def train(kind, folder, results):
    """Train, and write a hash of the weights and the epochs run."""
    digest = hashlib.sha256()
    for estimator in {"images": images, "ensemble": ensemble}[kind](folder):
        digest.update(str(estimator.n_iter_).encode())
        for value in estimator.net_.module_.state_dict().values():
            digest.update(value.numpy().tobytes())
    results.write_text(digest.hexdigest())


def run(kind, folder, results):
    """Begin a training in a process of its own."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=train, args=(kind, folder, results))
    process.start()
    return process


def main(kind, folder, n_kills):
    """Print the hash of an undisturbed training, and of each that was killed."""
    torch.set_num_threads(1)
    results = folder / "hash"
    train(kind, None, results)
    print(results.read_text())
    # Again, with all that a first training imports and compiles behind it.
    began = time.monotonic()
    train(kind, folder / "checkpoints", results)
    seconds = time.monotonic() - began
    chance = random.Random(0)
    kills = 0
    while kills < n_kills:
        results.unlink()
        while not results.exists():
            process = run(kind, folder / "checkpoints", results)
            process.join(chance.uniform(0, seconds))
            process.kill()
            process.join()
            kills += process.exitcode == -signal.SIGKILL
        print(results.read_text(), kills)
    print(*[path.name for path in (folder / "checkpoints").iterdir()])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
