"""The examples run to their end, on little data."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def load_example(monkeypatch):
    """Import an example by its name."""

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        # Workers find what they run by the module's name.
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys, load_example):
    """Run an example's main in an empty folder and return what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)  # as for a script: some import others

    def run(name, *arguments, **constants):
        module = load_example(name)
        for constant, value in constants.items():
            monkeypatch.setattr(module, constant, value)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        module.main()
        return capsys.readouterr().out

    return run


def test_quickstart(run_example):
    # Longer than other tests: the whole main job, with two worker processes and a
    # fresh one, each of which imports torch.
    printed = run_example("quickstart", "--samples", "250", "--epochs", "1")

    for step in ("weights", "baseline", "best by mean_score"):
        assert step in printed
    assert "(50, 32, 32) -> (50, 3), same as here: True" in printed
    assert "quickstart.html: open it in a browser" in printed
    assert Path("outputs", "quickstart.html").stat().st_size > 100_000


def test_photographs(run_example):
    printed = run_example("photographs", "--files", "60", "--epochs", "1")

    assert "60 files in outputs/photographs, 0 of which cannot be read" in printed
    assert "kind_accuracy with parts kept together: " in printed
    table = pd.read_csv("outputs/photographs/labels.csv").set_index("file")
    predicted = pd.read_csv("outputs/predictions.csv")
    assert set(table.loc[predicted["file"], "part"].str[-1]) == {"5"}
    assert set(predicted["kind"]) <= {"temple", "flower"}
    assert predicted["light"].between(0, 1).all()
    page = Path("outputs", "photographs.html").read_text()
    assert page.count("data:image/png") > 10


def test_learning_curves(run_example):
    printed = run_example("learning_curves", EPOCHS=2)

    assert "accuracy valid" in printed
    assert len(list(Path("outputs").glob("learning_curves*.png"))) == 2


def test_confusion(run_example):
    printed = run_example("confusion", "--samples", "200", "--epochs", "1")

    assert "item: most often confused" in printed
    assert len(list(Path("outputs").glob("confusion*.png"))) == 2


def test_classwise(run_example):
    printed = run_example("classwise", EPOCHS=1)

    assert "recall and frequency: rho" in printed
    assert Path("outputs", "classwise.png").stat().st_size > 10_000


def test_residuals(run_example):
    printed = run_example("residuals", EPOCHS=1)

    assert "quality ResidualFigures(n=640, bias=" in printed
    assert Path("outputs", "residuals.png").stat().st_size > 10_000


def test_calibration(run_example):
    # Longer than other tests: four networks, and their forecasts before and after.
    arguments = ["--samples", "200", "--epochs", "1", "--members", "2"]
    printed = run_example("calibration", *arguments)

    assert "digit: calibration error" in printed
    assert Path("outputs", "calibration.png").stat().st_size > 10_000


def test_ensemble_gain(run_example):
    printed = run_example("ensemble_gain", EPOCHS=1, MEMBERS=2)

    assert "gain_over_best" in printed
    assert Path("outputs", "ensemble_gain.png").stat().st_size > 10_000


def test_embedding(run_example):
    printed = run_example("embedding", "--samples", "200", "--epochs", "1")

    assert "tsne0" in printed
    assert Path("outputs", "embedding.png").stat().st_size > 10_000


def test_task_conflict(run_example):
    printed = run_example("task_conflict", "--samples", "200", "--epochs", "2")

    assert "digit, item: " in printed
    assert Path("outputs", "task_conflict.png").stat().st_size > 10_000


def test_sharing(run_example):
    printed = run_example("sharing", FOLDS=2, REPEATS=1, EPOCHS=1)

    for task in ("quality  r2 ", "good     accuracy ", "alcohol  r2 "):
        assert task in printed
    assert "quality for alcohol: " in printed


def test_two_sources(run_example):
    constants = {"N_DIGIT": 100, "N_LOOP": 50, "EPOCHS": 1, "SEEDS": range(1)}
    printed = run_example("two_sources", **constants)

    assert "100 images with a digit, 50 others with a loop or none" in printed
    figures = {
        line[:20].strip(): [float(each) for each in re.findall(r"0\.\d+", line)]
        for line in printed.splitlines()[2:]
    }
    assert {name: len(each) for name, each in figures.items()} == {
        "loop alone": 2,
        "both": 4,
        "both, drawn alike": 4,
    }


def test_open_set(run_example):
    # Longer than other tests: two times six networks, and all pictures.
    constants = {"N_UNKNOWN": 50, "WIDTHS": (4,)}
    printed = run_example("open_set", "--epochs", "1", **constants)

    assert "known, at quantile 0.99: accuracy " in printed
    assert "The hard case: [7, 8, 9] are unknown" in printed
    assert printed.count("max_logit ") == 2
    for name in ("photographs", "letters", "7 to 9"):
        (line,) = [line for line in printed.splitlines() if line.startswith(name)]
        shares = [float(each) for each in re.findall(r"(\d+\.\d+) ±", line)]
        assert len(shares) == 8
        assert all(0 <= share <= 100 for share in shares)
    assert len(list(Path("outputs").glob("open_set_*.png"))) == 5


def test_reconstruction(run_example):
    arguments = ["--epochs", "1", "--seeds", "1", "--rows", "1000"]
    printed = run_example("reconstruction", *arguments, N_UNKNOWN=50)

    assert "1000 images to learn from, 719 to test with" in printed
    for figure in ("accuracy, 100 labels of 1000", "AUROC letters, mahalanobis"):
        (line,) = [line for line in printed.splitlines() if line.startswith(figure)]
        numbers = re.findall(r"-?\d+\.\d+", line.removeprefix(figure))
        without, _, both, _, difference, _ = map(float, numbers)
        assert difference == pytest.approx(both - without, abs=0.011)


def test_images_of_archives(load_example, tmp_path):
    sets = load_example("image_sets")
    rng = np.random.default_rng(0)
    colours = rng.integers(256, size=(4, 8, 8, 3), dtype=np.uint8)
    arrays = {"X_train": colours[:2], "y_train": [3, 5], "y_test": [0, 0]}
    np.savez(tmp_path / "archive.npz", **arrays, X_test=colours[2:])

    X, y, X_test, _ = sets.load_known(tmp_path / "archive.npz")
    small = sets.load_unknown(tmp_path / "archive.npz", (4, 4))

    red, green, blue = colours[0, 0, 0] / 255
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    assert X[0, 0, 0] == pytest.approx(grey, abs=1e-6)
    assert y.tolist() == [3, 5]
    assert small.shape == (2, 4, 4)
    # Made smaller, each pixel is a mean of those around it.
    assert small.mean() == pytest.approx(X_test.mean(), abs=0.05)
    assert small.std() < X_test.std()


def test_printed_letters(load_example):
    letters = load_example("image_sets").printed_letters((28, 28), 30)

    assert letters.shape == (30, 28, 28)
    assert 0 <= letters.min() < letters.max() <= 1
    for image in letters:
        rows, columns = np.nonzero(image)
        assert max(np.ptp(rows), np.ptp(columns)) in range(17, 20)
        means = (np.indices(image.shape) * image).sum(axis=(1, 2)) / image.sum()
        np.testing.assert_allclose(means, 13.5, atol=0.51)


def test_ordinal_grades(run_example):
    printed = run_example("ordinal_grades", SEEDS=range(1))
    rows = [line.split() for line in printed.splitlines()[-3:]]
    assert [row[0] for row in rows] == ["Ordinal", "Regression", "Classification"]
    for _, accuracy, *_ in rows:
        assert float(accuracy) > 0.5


def test_wine_quality(run_example):
    printed = run_example("wine_quality", SEEDS=range(1))

    assert "one network for both" in printed
    assert "one MLP each" in printed


def test_joint_against_single(run_example):
    # Fewer would lack a class; more take too long.
    arguments = ["--samples", "160", "--epochs", "1", "--seeds", "1", "--jobs", "1"]
    printed = run_example("joint_against_single", *arguments)

    assert "128 images to train on, 32 to test" in printed
    for learner in ("joint residual network", "three residual networks", "three MLPs"):
        assert learner in printed


@pytest.mark.parametrize(
    ("experiment", "setting"),
    [
        ("learning_rate", "lr=0.01"),
        ("schedule", "plateau"),
        ("loss_weights", "[1, 2.5, 10]"),
        ("ablation", "no MixUp"),
        ("imbalance", "balanced sampler"),
        ("fine_tuning", "frozen"),
    ],
)
def test_experiments(run_example, experiment, setting):
    arguments = ["--samples", "400", "--epochs", "1", "--seeds", "1", "--jobs", "1"]
    printed = run_example("experiments", experiment, "--domain", "spectrum", *arguments)

    n_train = int(re.search(r"(\d+) images to train on, 80 to test", printed)[1])
    fewer = {"imbalance": range(160), "fine_tuning": [160]}
    assert n_train in fewer.get(experiment, [320])
    assert f"| {setting}" in printed
    assert "| item accuracy | precision" in printed
    picture = Path("outputs", f"experiment-{experiment}-spectrum.png")
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("experiment", ["techniques", "augmentation"])
def test_every_technique_is_a_setting(load_example, experiment):
    # Too many to train here: setting them checks their names.
    experiments = load_example("experiments")
    for params in experiments.settings_of(experiment, "image").values():
        model = experiments.make_model(1).set_params(**params)
        assert {name: model.get_params()[name] for name in params} == params


def test_spectrum_recipe(run_example):
    arguments = ["--samples", "400", "--seeds", "1", "--jobs", "1"]
    arguments += ["--epochs", "1", "--v1-epochs", "1"]
    printed = run_example("spectrum_recipe", *arguments)

    assert "320 spectra to train on, 80 to test" in printed
    assert "| resnet_v1   |" in printed
    assert "| for spectra |" in printed


@pytest.fixture
def drawings(tmp_path):
    """A folder like that of Debian's packages of openclipart."""
    image = pytest.importorskip("PIL.Image")
    subject = (
        '<svg xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:subject><rdf:Bag>{words}</rdf:Bag></dc:subject>"
        "<dc:creator><agent><dc:title>{author}</dc:title></agent></dc:creator></svg>"
    )
    kinds = ["animal mammal", "Sign", "food fruit", "symbol sign", "nothing"]
    for number in range(40):
        folder = "icons" if number % 10 == 9 else "food"
        words = kinds[number % 5].split()
        items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
        texts = {"words": items, "author": f"author {number // 4}"}
        for ending in ("svg", "png"):
            (tmp_path / ending / folder).mkdir(parents=True, exist_ok=True)
        svg = tmp_path / "svg" / folder / f"{number}.svg"
        svg.write_text(subject.format(**texts), encoding="utf-8")
        picture = image.new("RGBA", (20, 10), (255, 0, number, 255))
        picture.save(tmp_path / "png" / folder / f"{number}.png")
    # A copy of another one, whatever its name.
    (tmp_path / "svg/food/copy.svg").write_text(subject.format(**texts))
    first = (tmp_path / "png/food/0.png").read_bytes()
    (tmp_path / "png/food/copy.png").write_bytes(first)
    return tmp_path


def test_openclipart_reads_drawings_and_their_tags(load_example, drawings):
    openclipart = load_example("openclipart")

    X, y, authors = openclipart.read_openclipart(drawings, 16)

    # 40, without those in a series and one copy, sorted by their paths.
    assert X.shape == (36, 16, 16, 3)
    assert y.shape == (36, 17)
    tags = [
        {openclipart.TAGS[k] for k in row.nonzero()[0]} for row in y[[0, 1, 2, 11, 12]]
    ]
    # 0, 1, 10, 2 and 20 begin alike: text sorts them so.
    assert tags[:3] == [{"animal", "mammal"}, {"sign"}, {"animal", "mammal"}]
    assert authors[:3].tolist() == ["author 0", "author 0", "author 2"]
    # Twice as wide as high: white above and below.
    assert X[0, 0].min() == X[0, -1].min() == 255
    assert X[0, 8].tolist() == [[255, 0, 0]] * 16


def test_multilabel_compares_settings(run_example):
    # As a user's run of the command: three small networks, and the average of them.
    arguments = ("--samples", "140", "--epochs", "1", "--seeds", "3", "--jobs", "1")
    printed = run_example("multilabel", *arguments, "--only", "plain", "focal")

    assert "80 pictures to train on, 20 to find thresholds on, 40 to" in printed
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "plain",
        "focal",
        "3 networks: plain",
    ]
    assert Path("outputs", "multilabel-mosaics-32.png").exists()
    assert len(list(Path("outputs").glob("multilabel/*/*.joblib"))) == 6


def test_multilabel_takes_a_file_of_large_pictures(monkeypatch, tmp_path):
    # As a script: what it defines itself, no other process can load.
    monkeypatch.syspath_prepend(EXAMPLES)
    script = str(EXAMPLES / "multilabel.py")
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(70, 56, 56, 3), dtype=np.uint8)
    y = rng.random((70, 3)) < 0.5
    np.savez(tmp_path / "squares.npz", X=X, y=y.astype(int))
    arguments = ("--epochs", "1", "--seeds", "1", "--jobs", "1")
    data = ("--data", "squares.npz", "--only", "plain", "CBAM")
    done = subprocess.run(
        [sys.executable, script, *arguments, *data],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "40 pictures to train on, 10 to find thresholds on, 20 to" in done.stdout
    (folder,) = tmp_path.glob("outputs/multilabel/*")
    kept = joblib.load(folder / "CBAM, 1 epochs, seed 0.joblib")
    network = kept[-1].net_.module_.backbone
    assert network.halve(torch.zeros(1, 3, 56, 56)).shape == (1, 32, 28, 28)


def test_multilabel_goes_on_with_trained_networks(run_example, drawings):
    arguments = ("--data", str(drawings), "--size", "16", "--epochs", "1", "--seeds")
    only = ("1", "--jobs", "1", "--only", "plain")
    first = run_example("multilabel", *arguments, *only)
    (kept,) = Path("outputs").glob("multilabel/*/*.joblib")
    before = kept.stat().st_mtime_ns
    again = run_example("multilabel", *arguments, *only)

    assert kept.stat().st_mtime_ns == before
    assert first == again
    assert "| plain" in first
