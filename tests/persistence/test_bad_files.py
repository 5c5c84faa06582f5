"""Files that are torn, changed or made to harm: refused, or the same outputs."""

import hashlib
import io
import json
import pickle
import resource
import zipfile

import numpy as np
import pytest
import torch

from mtlearn import Partial, load, save
from mtlearn.exceptions import ModelFormatError
from mtlearn.networks import MLP
from tiny_problems import (
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

N_MUTATIONS = 1200


@pytest.fixture(scope="module")
def images():
    return make_images(4)[0]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the bytes of a saved estimator."""
    path = tmp_path_factory.mktemp("model") / "model"
    save(image_estimator(max_epochs=1).fit(*make_images()), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def expected(saved, images, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    path.write_bytes(saved)
    return load(path).predict(images)


@pytest.fixture
def load_bytes(tmp_path):
    """Load an estimator from the bytes of a file."""

    def loaded(content):
        (tmp_path / "model").write_bytes(content)
        return load(tmp_path / "model")

    return loaded


class Trap:
    """Unpickling it touches a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def parts_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts, *, compression=zipfile.ZIP_STORED, sign=True):
    """Pack parts to a file, with a manifest that fits them if `sign`."""

    if sign:
        manifest = json.loads(parts["manifest.json"])
        manifest["parts"] = {
            name: {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
            for name, part in parts.items()
            if name != "manifest.json"
        }
        parts = {**parts, "manifest.json": json.dumps(manifest).encode()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def flipped(rng, content):
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
    return bytes(changed)


def truncated(rng, content):
    return content[: rng.integers(len(content))]


def spliced(rng, content):
    start, end = sorted(rng.integers(len(content), size=2))
    return content[:start] + rng.bytes(int(rng.integers(50))) + content[end:]


def swapped(rng, content):
    parts = parts_of(content)
    one, other = rng.choice(list(parts), size=2, replace=False)
    parts[one], parts[other] = parts[other], parts[one]
    return packed(parts, sign=False)


# What may stand in the place of anything in the JSON.
ODD = [None, -1, 2**62, 10**40, 1e308, "", "../x", [], {}, {"type": "object"}]
ODD += [{"type": "same", "number": 10**9}, {"type": "array", "name": "x"}, [[]], True]
ODD += [{"type": "named", "name": "os.system"}, {"type": "dtype", "name": "O"}]


def edited(rng, content):
    """Change one value of the JSON, and sign the file again."""
    parts = parts_of(content)
    name = rng.choice(["object.json", "manifest.json"], p=[0.8, 0.2])
    record = json.loads(parts[name])
    place = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[rng.integers(len(keys))]
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.9:
            place = inner
            continue
        place[key] = ODD[rng.integers(len(ODD))]
        break
    parts[name] = json.dumps(record).encode()
    return packed(parts, sign=name == "object.json")


MUTATIONS = (flipped, truncated, spliced, swapped, edited)


def test_mutations(saved, images, expected, load_bytes):
    # Longer than other tests: more than a thousand files are loaded.
    rng = np.random.default_rng(0)
    refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(N_MUTATIONS):
        mutate = MUTATIONS[number % len(MUTATIONS)]
        content = mutate(rng, saved)
        try:
            loaded = load_bytes(content)
        except ModelFormatError:
            refused += 1
            continue
        if mutate is edited:  # signed again: another estimator, which is one
            continue
        np.testing.assert_array_equal(loaded.predict(images), expected)
    assert refused > 0.7 * N_MUTATIONS
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert growth < 100_000  # kB


@pytest.mark.parametrize("part", ["object.json", "arrays.safetensors", "manifest.json"])
def test_a_pickle_in_the_place_of_a_part_does_not_run(
    saved, load_bytes, tmp_path, part
):
    parts = parts_of(saved)
    parts[part] = pickle.dumps(Trap(tmp_path / "sprung"))
    with pytest.raises(ModelFormatError):
        load_bytes(packed(parts, sign=part != "manifest.json"))
    with pytest.raises(ModelFormatError):
        load_bytes(parts[part])
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "object.json/../x", "more"])
def test_other_parts_are_refused(saved, load_bytes, name):
    with pytest.raises(ModelFormatError, match="its parts are"):
        load_bytes(packed({**parts_of(saved), name: b"x"}))


def test_compressed_parts_are_refused_before_they_grow(saved, load_bytes):
    parts = parts_of(saved)
    parts["arrays.safetensors"] = bytes(50_000_000)
    bomb = packed(parts, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 200_000
    with pytest.raises(ModelFormatError, match="is compressed"):
        load_bytes(bomb)


def with_backbone(content, **params):
    """Return a file whose network has other parameters than its weights."""
    parts = parts_of(content)
    record = json.loads(parts["object.json"])
    network = record["state"]["net_"]["fields"]
    network["backbone_params"]["items"] += [[k, v] for k, v in params.items()]
    parts["object.json"] = json.dumps(record).encode()
    return packed(parts)


@pytest.mark.parametrize(
    "params",
    [
        {"widths": {"type": "tuple", "items": [2_000_000]}},
        {"n_blocks": 10**9},
        {"widths": {"type": "tuple", "items": [4] * 10_000}},
        {"n_features": 2**40},
    ],
)
def test_absurd_networks_are_refused_without_their_memory(saved, load_bytes, params):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFormatError, match="cannot be loaded"):
        load_bytes(with_backbone(saved, **params))
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert growth < 50_000  # kB


def with_network(content, **fields):
    """Return a file whose network is said to be made of something else."""
    parts = parts_of(content)
    record = json.loads(parts["object.json"])
    for name, value in fields.items():
        record["state"]["net_"]["fields"][name] = value
    parts["object.json"] = json.dumps(record).encode()
    return packed(parts)


def memory_of(function):
    """Return by how many MB a call makes the process grow."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000


def test_absurd_images_pass_through_no_network(load_bytes, tmp_path):
    estimator = image_estimator(max_epochs=1, precision="float32")
    save(estimator.fit(*make_images()), tmp_path / "images")
    shape = {"type": "tuple", "items": [1, 6000, 6000]}
    content = with_network((tmp_path / "images").read_bytes(), input_shape=shape)
    torch.zeros(2, device="meta").sum()  # imports much
    assert memory_of(lambda: load_bytes(content)) < 50


def test_absurd_tables_are_refused(load_bytes, tmp_path):
    X, y = make_table()
    estimator = table_estimator(backbone=Partial(MLP, hidden=()), max_epochs=1)
    save(estimator.fit(X, y), tmp_path / "table")
    shape = {"type": "tuple", "items": [2**26]}
    content = with_network((tmp_path / "table").read_bytes(), input_shape=shape)

    def refused():
        with pytest.raises(ModelFormatError, match=r"heads.*of shape"):
            load_bytes(content)

    assert memory_of(refused) < 50


HUGE = {
    "bytes": {"type": "scalar", "dtype": "V1", "value": 2**28},
    "text": {"type": "labels", "dtype": "<U70000000", "items": ["a"]},
    "texts": [{"type": "labels", "dtype": "<U9000000", "items": ["a"]}] * 10,
    "layers": {
        "type": "object",
        "name": "MLP",
        "params": {"in_features": 8000, "hidden": [8000]},
        "state": {},
    },
}


@pytest.mark.parametrize("kind", [*HUGE, "networks", "tensors"])
def test_absurd_values_are_refused(saved, load_bytes, kind):
    parts = parts_of(saved)
    record = json.loads(parts["object.json"])
    network = record["state"]["net_"]
    tensor = {"type": "tensor", "name": f"{network['weights']}.heads.0.0.bias"}
    copies = {"networks": [network] * 2, "tensors": [tensor] * 2}
    record["state"] = {"learned_": {**HUGE, **copies}[kind]}
    parts["object.json"] = json.dumps(record).encode()

    def refused():
        with pytest.raises(ModelFormatError, match="cannot be loaded"):
            load_bytes(packed(parts))

    assert memory_of(refused) < 50


@pytest.mark.parametrize("record", [None, 3, [], {"type": "tuple", "items": []}])
def test_what_is_no_estimator(saved, load_bytes, record):
    parts = {**parts_of(saved), "object.json": json.dumps(record).encode()}
    with pytest.raises(ModelFormatError, match="it holds"):
        load_bytes(packed(parts))


def test_a_newer_format_says_upgrade(saved, load_bytes):
    parts = parts_of(saved)
    manifest = json.loads(parts["manifest.json"])
    parts["manifest.json"] = json.dumps({**manifest, "version": 99}).encode()
    with pytest.raises(ModelFormatError, match=r"version 99, newer than 1.*Upgrade"):
        load_bytes(packed(parts))


def test_weights_that_are_not_finite(saved, load_bytes, tmp_path):
    estimator = image_estimator(max_epochs=1).fit(*make_images())
    estimator.net_.module_.backbone.stem[0].weight.data[0] = float("nan")
    save(estimator, tmp_path / "nan")
    with pytest.raises(ModelFormatError, match="are not finite"):
        load(tmp_path / "nan")


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "Trap", "subprocess"])
def test_no_name_is_imported(saved, load_bytes, name):
    parts = parts_of(saved)
    text = parts["object.json"].decode().replace('"ResNet"', json.dumps(name))
    assert text != parts["object.json"].decode()
    parts["object.json"] = text.encode()
    with pytest.raises(ModelFormatError, match="which mtlearn does not know"):
        load_bytes(packed(parts))


def test_a_learned_name_cannot_hide_a_method(saved, load_bytes):
    parts = parts_of(saved)
    record = json.loads(parts["object.json"])
    record["state"]["predict"] = 1
    parts["object.json"] = json.dumps(record).encode()
    with pytest.raises(ModelFormatError, match="cannot learn 'predict'"):
        load_bytes(packed(parts))
