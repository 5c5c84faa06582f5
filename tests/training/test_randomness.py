"""The random numbers of a fit: drawn from its own generators, whoever asks for them."""

import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

from mtlearn.networks import DropBlock2d, Dropout
from mtlearn.training import Randomness

CPU = torch.device("cpu")
ROWS = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
MAPS = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def written(function):
    """Give what a function leaves in its input."""
    x = torch.ones(40)
    function(x, inplace=True)
    return x


# What draws from torch's default generator where no other is given.
DRAWS = {
    "rand": lambda: torch.rand(3),
    "rand_out": lambda: torch.rand(5, out=torch.empty(5)),
    "randn": lambda: torch.randn(3),
    "rand_like": lambda: torch.rand_like(ROWS),
    "randn_like": lambda: torch.randn_like(ROWS),
    "randint": lambda: torch.randint(3, 1000, (4,)),
    "randint_like": lambda: torch.randint_like(ROWS, 1000),
    "randperm": lambda: torch.randperm(30),
    "bernoulli": lambda: torch.bernoulli(torch.full((40,), 0.5)),
    "normal": lambda: torch.normal(ROWS, 1.0),
    "uniform_": lambda: torch.empty(3).uniform_(),
    "exponential_": lambda: torch.empty(3).exponential_(),
    "multinomial": lambda: torch.multinomial(torch.ones(50), 20),
    "poisson": lambda: torch.poisson(torch.full((20,), 4.0)),
    "dropout": lambda: functional.dropout(torch.ones(40)),
    "dropout_in_place": lambda: functional.dropout(torch.ones(40), inplace=True),
    "dropout_written": lambda: written(functional.dropout),
    "dropout2d": lambda: functional.dropout2d(torch.ones(5, 8, 2, 2)),
    "alpha_dropout": lambda: functional.alpha_dropout(ROWS, training=True),
    "rrelu": lambda: functional.rrelu(ROWS, training=True),
    "gumbel": lambda: functional.gumbel_softmax(ROWS),
    "fractional": lambda: functional.fractional_max_pool2d(MAPS, 3, output_size=3),
    "attention": lambda: functional.scaled_dot_product_attention(
        MAPS, MAPS, MAPS, dropout_p=0.5
    ),
    "native": lambda: torch.native_dropout(torch.ones(40), 0.5, True)[0],
    "linear": lambda: nn.Linear(3, 2).weight,
    "convolution": lambda: nn.Conv2d(3, 2, 3).weight,
    "recurrent": lambda: nn.LSTM(6, 6, 2, dropout=0.5)(ROWS[None])[0],
    "heads": lambda: nn.MultiheadAttention(6, 2, dropout=0.5)(ROWS, ROWS, ROWS)[0],
    "lazy": lambda: nn.LazyLinear(3)(ROWS),
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(3, 3)),
    "distribution": lambda: torch.distributions.Normal(0.0, 1.0).sample((3,)),
    "vmap": lambda: torch.vmap(lambda x: torch.rand(2) + x, randomness="different")(
        torch.zeros(3)
    ),
    "Dropout": lambda: Dropout(0.5)(torch.ones(40)),
    "Dropout_of_all": lambda: Dropout(1.0)(torch.rand(4)) + torch.rand(4),
    "DropBlock2d": lambda: DropBlock2d(0.3)(torch.ones(1, 9, 8, 8)),
}


@pytest.fixture(params=DRAWS, ids=str)
def draw(request):
    return DRAWS[request.param]


def default_draw(draw, seed):
    """Return what torch's default generator draws."""
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        return draw()


def test_numbers_are_those_of_torch_and_its_generator_stays(draw):
    expected, after = default_draw(lambda: (draw(), torch.rand(2)), 3)
    assert not default_draw(draw, 4).equal(expected)  # it does draw
    before = torch.get_rng_state()
    with Randomness(3, CPU).for_all():
        assert draw().equal(expected)
        assert torch.rand(2).equal(after)
    assert torch.get_rng_state().equal(before)


def test_a_generator_of_its_own_is_left_to_a_call(draw):
    generator = torch.Generator().manual_seed(5)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(5))
    randomness = Randomness(3, CPU)
    with randomness.for_all():
        assert torch.rand(2, generator=generator).equal(expected)
        assert torch.empty(2).uniform_(0, 1, generator=generator).max() < 1
        torch.randperm(4, generator=generator)
        torch.bernoulli(torch.full((3,), 0.5), generator=generator)
    state = randomness.state()["generators"]["cpu"]
    assert state.equal(torch.Generator().manual_seed(3).get_state())


def test_gradients_go_through_dropout():
    x = torch.ones(40, requires_grad=True)
    with Randomness(3, CPU).for_all():
        y = functional.dropout(x, 0.75)
    y.sum().backward()
    assert x.grad.equal(y.detach())
    assert set(y.tolist()) == {0.0, 4.0}


def test_native_dropout_without_training_keeps_all():
    with Randomness(3, CPU).for_all():
        y, kept = torch.native_dropout(ROWS, 0.5, False)
        assert torch.native_dropout(ROWS, 1.0, True)[0].count_nonzero() == 0
    assert y.equal(ROWS)
    assert kept.all()


def test_the_inner_one_of_two_draws():
    expected = [default_draw(lambda: torch.rand(2), seed) for seed in (1, 2)]
    outer, inner = (Randomness(seed, CPU) for seed in (1, 2))
    with outer.for_all():
        with inner.for_all():
            assert torch.rand(2).equal(expected[1])
        assert torch.rand(2).equal(expected[0])
    outer, inner = (Randomness(seed, CPU) for seed in (1, 2))
    with outer.for_all(), inner.for_all_threads():
        assert torch.rand(2).equal(expected[1])


def test_another_thread_draws_from_the_default_one():
    expected = default_draw(lambda: torch.rand(6), 3)
    others = []
    randomness = Randomness(3, CPU)
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(8)
        with randomness.for_all():
            first = torch.rand(3)
            other = threading.Thread(target=lambda: others.append(torch.rand(4)))
            other.start()
            other.join(30)
            second = torch.rand(3)
        others.append(torch.rand(4))
    assert torch.cat([first, second]).equal(expected)
    assert torch.cat(others).equal(default_draw(lambda: torch.rand(8), 8))


def test_layers_alone_draw_from_the_fit():
    expected = default_draw(lambda: functional.dropout(torch.ones(40)), 3)
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(8)
        with Randomness(3, CPU).for_layers():
            assert Dropout()(torch.ones(40)).equal(expected)
            free = torch.rand(3)
        assert free.equal(default_draw(lambda: torch.rand(3), 8))
        assert not Dropout()(torch.ones(40)).equal(expected)


def test_lent_generators_go_on_where_they_ended():
    expected = default_draw(lambda: torch.rand(6), 3)
    randomness = Randomness(3, CPU)
    before = torch.get_rng_state()
    with randomness.for_all():
        drawn = [torch.rand(2)]
    with randomness.for_all_threads():
        drawn.append(torch.rand(2))
    assert torch.get_rng_state().equal(before)
    with randomness.for_all():
        drawn.append(torch.rand(2))
    assert torch.cat(drawn).equal(expected)


def test_lent_generators_come_back_after_an_error():
    before = torch.get_rng_state()
    with (
        pytest.raises(RuntimeError, match="negative dim"),
        Randomness(3, CPU).for_all_threads(),
    ):
        torch.rand(int(torch.rand(1)) - 1)
    assert torch.get_rng_state().equal(before)


def test_a_state_is_gone_on_from():
    randomness, other = Randomness(3, CPU), Randomness(4, CPU)
    with randomness.for_all():
        torch.rand(2)
        state = randomness.state()
        expected = torch.rand(2)
    randomness.draws_again = True
    other.load_state(state)
    with other.for_all():
        assert torch.rand(2).equal(expected)
    assert not other.draws_again
    other.load_state(randomness.state())
    assert other.draws_again


def test_no_call_that_draws_is_taken_for_a_quiet_one():
    from mtlearn.training._rerouting import _QUIET

    seeded = {
        schema.name.removeprefix("aten::").rstrip("_")
        for schema in torch._C._jit_get_all_schemas()
        if schema.name.startswith("aten::") and _draws(schema)
    }
    assert {"dropout", "bernoulli", "rand", "lstm"} <= seeded
    assert not {each.__name__.rstrip("_") for each in _QUIET} & seeded


def _draws(schema):
    packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::"))
    overload = getattr(packet, schema.overload_name or "default")
    return torch.Tag.nondeterministic_seeded in overload.tags


@pytest.mark.parametrize("given", [(), (None, 0.0)])
def test_attention_that_drops_nothing_lends_nothing(given, monkeypatch):
    # Another thread may lend at the same time, and one would get the other's state.
    monkeypatch.setattr("mtlearn.training._rerouting.lent", None)
    expected = functional.scaled_dot_product_attention(MAPS, MAPS, MAPS)
    with Randomness(0, CPU).for_all():
        found = functional.scaled_dot_product_attention(MAPS, MAPS, MAPS, *given)
    torch.testing.assert_close(found, expected)
