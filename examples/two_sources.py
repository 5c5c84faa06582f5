"""Two sets of images that share no image, each labelled for a task of its own.

Of scikit-learn's 1,797 digits, one source knows which digit each image shows, and a
second, smaller one whether the digit has a loop (0, 6, 8 and 9). ``join_tasks`` makes
one X and one y with holes of both, without a copy of the images. One network for both
tasks, with and without drawing both equally often, is compared with a network for the
small source alone that takes as many steps, on images of neither source.

Run from anywhere: ``python examples/two_sources.py``
"""

import numpy as np
from sklearn.datasets import load_digits
from skorch.helper import SliceDict

from mtlearn import Classification, MultiTaskImageEstimator, Partial, Tasks
from mtlearn.data import join_tasks
from mtlearn.metrics import task_report
from mtlearn.networks import ResNet

N_DIGIT, N_LOOP = 1000, 100  # images of each source
EPOCHS = 30  # over both sources
SEEDS = range(5)


def load_sources(seed):
    """Return the two sources, and test images with the labels of both tasks."""
    images, digit = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype("float32") / 16
    loop = np.isin(digit, [0, 6, 8, 9])
    order = np.random.default_rng(seed).permutation(len(images))
    first, second, test = np.split(order, [N_DIGIT, N_DIGIT + N_LOOP])
    parts = {
        "digit": (images[first], digit[first]),
        "loop": (images[second], loop[second]),
    }
    return parts, (images[test], SliceDict(digit=digit[test], loop=loop[test]))


def make_estimator(tasks, seed, epochs=None, **params):
    """Return a small residual network."""
    return MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=(8, 16), n_blocks=1, dropout=0.5),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=EPOCHS if epochs is None else epochs,
        batch_size=50,
        random_state=seed,
        **params,
    )


def accuracies(seed):
    """Return the accuracy of each setting by task."""
    parts, (X_test, y_test) = load_sources(seed)
    X, y = join_tasks(parts)
    tasks = Tasks(digit=Classification(10), loop=Classification([False, True]))
    alone = make_estimator(
        Tasks(loop=tasks["loop"]), seed, EPOCHS * (N_DIGIT + N_LOOP) // N_LOOP
    )
    found = {}
    for name, model, data in [
        ("loop alone", alone, parts["loop"]),
        ("both", make_estimator(tasks, seed), (X, y)),
        ("both, drawn alike", make_estimator(tasks, seed, sampler="tasks"), (X, y)),
    ]:
        names = model.tasks.names
        y_known = SliceDict(**{task: y_test[task] for task in names})
        report = task_report(model.fit(*data), X_test, y_known)
        found[name] = {
            row["task"]: row["value"]
            for row in report.rows
            if row["metric"] == "accuracy"
        }
    return found


def main():
    """Compare and print."""
    runs = [accuracies(seed) for seed in SEEDS]
    print(f"{N_DIGIT} images with a digit, {N_LOOP} others with a loop or none")
    print(f"{'accuracy':20}{'digit':>16}{'loop':>16}")
    for name in runs[0]:
        line = f"{name:20}"
        for task in ("digit", "loop"):
            values = [run[name].get(task, np.nan) for run in runs]
            shown = f"{np.mean(values):.3f} ± {np.std(values):.3f}"
            line += f"{'' if np.isnan(values[0]) else shown:>16}"
        print(line.rstrip())


if __name__ == "__main__":
    main()
