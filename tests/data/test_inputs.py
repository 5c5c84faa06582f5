"""Every way to the network gives the same batches."""

import numpy as np
import pytest
import torch

from mtlearn._utils._threads import threads
from mtlearn.data import DatasetRows, Samples, choose_inputs
from mtlearn.data import _inputs as module
from mtlearn.data._inputs import AheadInputs, Inputs, ResidentInputs
from mtlearn.exceptions import InvalidDataError
from tiny_datasets import Items

CPU = torch.device("cpu")
CUDA = torch.device("cuda")
WAYS = [Inputs, AheadInputs, ResidentInputs]


def make_rows(n_rows, size=4):
    order = torch.randperm(n_rows, generator=torch.Generator().manual_seed(0))
    return order.split(size)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", ">f8", "bool"])
@pytest.mark.parametrize("rows", [None, [5, 1, 8, 8, 0, 2, 7]])
def test_the_batches(way, dtype, rows):
    X = np.random.default_rng(0).integers(0, 200, (9, 3, 2, 5)).astype(dtype)
    chosen = X if rows is None else X[rows]
    samples = Samples(X, rows=None if rows is None else np.array(rows))
    batches = make_rows(len(samples))
    inputs = way(samples, torch.float32, CPU)
    for _ in range(2):  # a second pass goes by what the first one kept
        found = list(inputs.batches(batches))
        assert all(x.dtype == torch.float32 for x in found)
        for index, x in zip(batches, found, strict=True):
            expected = chosen[index.numpy()].transpose(0, 3, 1, 2)
            np.testing.assert_array_equal(x, expected.astype(np.float32))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("rows", [None, [5, 1, 8, 8, 0, 2, 7]])
def test_a_dataset(way, dtype, rows):
    X = np.random.default_rng(0).integers(0, 200, (9, 3, 2, 5)).astype(dtype)
    rows = None if rows is None else np.array(rows)
    read = DatasetRows(Items(X), "Owner", {3: "(h, w, c)"})
    expected, inputs = (
        way(Samples(x, rows=rows), torch.float32, CPU) for x in (X, read)
    )
    batches = make_rows(len(inputs.samples))
    for _ in range(2):
        for x, other in zip(
            expected.batches(batches), inputs.batches(batches), strict=True
        ):
            assert x.stride() == other.stride()
            np.testing.assert_array_equal(x, other)


@pytest.mark.parametrize("way", WAYS)
def test_tables_and_no_rows(way):
    X = np.arange(10.0).reshape(5, 2)
    inputs = way(Samples(X), torch.float64, CPU)
    found = torch.cat(list(inputs.batches(torch.arange(5).split(2))))
    np.testing.assert_array_equal(found, X)
    assert list(inputs.batches([])) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_value_too_large_is_an_error_whatever_the_way(way):
    X = np.array([[1.0], [1e300]])
    with pytest.raises(InvalidDataError, match=r"too large for torch\.float32"):
        list(way(Samples(X), torch.float32, CPU).batches([torch.arange(2)]))


@pytest.mark.parametrize("way", WAYS)
def test_whole_numbers_are_looked_at_batch_by_batch(way):
    X = np.array([[2**24], [-(2**24)], [2**24 + 1]])
    assert list(way(Samples(X), torch.float64, CPU).batches([torch.arange(3)]))
    inputs = way(Samples(X, rows=np.arange(2)), torch.float32, CPU)
    np.testing.assert_array_equal(next(inputs.batches([torch.arange(2)])), X[:2])
    with pytest.raises(
        InvalidDataError, match=r"from -16777216 to 16777217, and torch"
    ):
        list(way(Samples(X), torch.float32, CPU).batches([torch.arange(3)]))


@pytest.mark.parametrize("way", WAYS)
def test_a_network_that_writes_into_its_input_leaves_X_alone(way):
    X = np.ones((3, 2), dtype=np.float32)
    inputs = way(Samples(X), torch.float32, CPU)
    next(inputs.batches([torch.arange(3)])).zero_()
    assert X.all()
    assert next(inputs.batches([torch.arange(3)])).all()


def test_the_next_batch_is_prepared_while_one_computes():
    taken = []

    class Slow(AheadInputs):
        def take(self, index):
            taken.append(index.tolist())
            return super().take(index)

    inputs = Slow(Samples(np.ones((6, 1))), torch.float64, CPU)
    batches = inputs.batches(torch.arange(6).split(2))
    next(batches)
    batches.close()  # waits for what has begun
    assert taken == [[0, 1], [2, 3]]


def test_bytes_stay_bytes_on_the_device():
    X = np.full((4, 2, 2, 1), 255, dtype=np.uint8)
    inputs = ResidentInputs(Samples(X), torch.float32, CPU)
    next(inputs.batches([torch.arange(2)]))
    assert inputs._copy.dtype == torch.uint8
    assert inputs._copy.shape == X.shape


def test_rows_are_loaded_in_pieces(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_BYTES", 32)
    X = np.arange(20.0).reshape(10, 2)
    inputs = ResidentInputs(Samples(X), torch.float64, CPU)
    np.testing.assert_array_equal(next(inputs.batches([torch.arange(10)])), X)


@pytest.fixture
def gpu(monkeypatch):
    """Let there be a GPU with so many free bytes, kept in this process's memory."""

    def gpu(n_bytes):
        monkeypatch.setattr(module, "_RESIDENTS", [])
        free = [n_bytes]
        monkeypatch.setattr(module, "free_memory", lambda device: free[0])

        def load(self):
            free[0] -= self.n_bytes
            return torch.from_numpy(self.samples.X)

        monkeypatch.setattr(ResidentInputs, "_load", load)

    return gpu


def rows_of(n_bytes, dtype=np.uint8):
    return Samples(np.zeros((n_bytes // np.dtype(dtype).itemsize, 1), dtype=dtype))


def choose(samples, again=True, device=CUDA):
    return choose_inputs(samples, torch.float32, device, again)


# Of at most half of the free memory, as the page about speed says.
@pytest.mark.parametrize(
    ("n_bytes", "dtype", "again", "expected"),
    [
        (500, np.uint8, True, ResidentInputs),
        (501, np.uint8, True, AheadInputs),
        (500, np.uint8, False, AheadInputs),
        (1000, np.float64, True, ResidentInputs),  # as float32
        (1008, np.float64, True, AheadInputs),
        (250, np.int16, True, ResidentInputs),
        (252, np.int16, True, AheadInputs),
    ],
)
def test_where_rows_are_kept(gpu, n_bytes, dtype, again, expected):
    gpu(1000)
    assert type(choose(rows_of(n_bytes, dtype), again)) is expected


@pytest.mark.parametrize("loads", [False, True])
@pytest.mark.parametrize(
    ("n_training", "n_validation", "expected"),
    [
        (400, 100, ResidentInputs),
        (400, 101, AheadInputs),
        (500, 1, AheadInputs),
        (501, 500, ResidentInputs),  # those of training are not kept
    ],
)
def test_all_rows_share_half_of_the_memory(
    gpu, loads, n_training, n_validation, expected
):
    gpu(1000)
    training = choose(rows_of(n_training))
    assert isinstance(training, ResidentInputs) == (n_training <= 500)
    if loads and isinstance(training, ResidentInputs):
        training._copy = training._load()
    validation = choose(rows_of(n_validation))
    assert type(validation) is expected


def test_rows_that_are_gone_take_nothing(gpu):
    gpu(1000)
    kept = choose(rows_of(500))
    assert type(choose(rows_of(500))) is AheadInputs
    assert type(choose(rows_of(500), device=torch.device("cuda:1"))) is ResidentInputs
    del kept
    assert module._RESIDENTS == []
    assert type(choose(rows_of(500))) is ResidentInputs


def test_on_a_processor_only_files_are_read_ahead(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, (4, 2, 2))
    plain = np.zeros((4, 2, 2), dtype=np.uint8)
    found = [
        choose_inputs(Samples(x[..., np.newaxis]), torch.float32, CPU, again=True)
        for x in (X, np.asarray(X)[::-1], plain)
    ]
    assert list(map(type, found)) == [AheadInputs, AheadInputs, Inputs]


@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize("again", [True, False])
def test_a_dataset_is_read_anew_at_every_pass(device, again):
    rows = DatasetRows(Items(np.zeros((4, 2, 2))), "Owner", {2: "(h, w)"})
    found = choose_inputs(Samples(rows), torch.float32, device, again)
    assert type(found) is AheadInputs


def test_rows_are_read_with_the_number_of_threads_of_who_asks():
    class Threads:
        """Rows that tell how many threads torch computes with."""

        def __getitem__(self, rows):
            return np.full((len(rows), 1), torch.get_num_threads())

    inputs = AheadInputs(Samples(Threads()), torch.float32, CPU)
    with threads(3):
        (read,) = inputs.batches([torch.arange(6)])
    assert set(read.flatten().tolist()) == {3.0}


def test_rows_kept_on_a_device_are_those_that_are_asked_for():
    X = np.arange(24.0, dtype=np.float32).reshape(6, 2, 2, 1)
    rows = [torch.tensor([4, 0]), torch.tensor([1]), torch.tensor([5, 5, 2])]
    kept = ResidentInputs(Samples(X, rows=np.arange(6)[::-1]), torch.float32, CPU)
    found = list(kept.batches(rows))
    assert [tuple(x.shape) for x in found] == [(2, 1, 2, 2), (1, 1, 2, 2), (3, 1, 2, 2)]
    first = torch.cat(found)[:, 0, 0, 0]
    assert first.tolist() == [4.0, 20.0, 16.0, 0.0, 0.0, 12.0]
