import pytest
import torch

from mtlearn.networks import Dropout, drawing_from, drawing_from_each


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_each_of_several_networks_draws_what_it_would_draw_by_itself():
    layer, x = Dropout(0.4), torch.rand(3, 7, 5, requires_grad=True)
    with drawing_from_each(generators(4, 5, 6)):
        outputs = [torch.func.vmap(layer)(x) for _ in range(2)]
    for number, generator in enumerate(generators(4, 5, 6)):
        with drawing_from({"cpu": generator}):
            for output in outputs:
                assert torch.equal(output[number], layer(x[number]))
    outputs[0].sum().backward()
    assert torch.equal(x.grad != 0, outputs[0] != 0)


def test_each_of_several_networks_draws_nothing_in_evaluation():
    x = torch.rand(2, 3, 5)
    with drawing_from_each(generators(0, 1)):
        assert torch.equal(torch.func.vmap(Dropout(0.4).eval())(x), x)


def test_maps_whose_order_in_memory_may_differ_are_refused():
    with (
        drawing_from_each(generators(0, 1)),
        pytest.raises(RuntimeError, match="is of features"),
    ):
        torch.func.vmap(Dropout(0.4))(torch.rand(2, 3, 4, 5, 5))


def test_drawing_for_each_needs_networks_side_by_side():
    with (
        drawing_from_each(generators(0)),
        pytest.raises(RuntimeError, match=r"needs torch\.func\.vmap"),
    ):
        Dropout(0.4)(torch.rand(3, 5))
