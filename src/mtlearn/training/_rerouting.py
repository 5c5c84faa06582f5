"""Random numbers from given generators, where nobody names one."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from mtlearn.networks import drawing_from, dropped, generator_for

Generators = Mapping[str, torch.Generator]

# Common functions that draw nothing.
_NAMES = """
abs adaptive_avg_pool1d adaptive_avg_pool2d add add_ addmm all any arange argmax
avg_pool2d batch_norm bmm cat chunk clamp clone contiguous conv1d conv2d conv3d
conv_transpose2d copy_ cos cpu cross_entropy cumsum detach dim div div_ einsum elu
embedding empty empty_like eq exp expand expand_as flatten float full gather ge gelu
group_norm gt hardswish hardtanh index_select interpolate is_floating_point item
layer_norm le leaky_relu linear log log_softmax logsumexp lt masked_fill matmul max
max_pool1d max_pool2d max_pool3d maximum mean min minimum mish mse_loss mul mul_ ne neg
new_tensor new_zeros nll_loss normalize numel numpy ones ones_like pad permute pow prod
relu relu6 relu_ repeat requires_grad_ reshape roll rsub scatter_add sigmoid silu sin
size softmax softplus split sqrt square squeeze stack std stride sub sub_ sum t tanh
to tolist transpose type type_as unbind unflatten unsqueeze var view view_as where
zeros zeros_like _set_grad_enabled __add__ __and__ __bool__ __eq__ __float__ __ge__
__getitem__ __gt__ __iadd__ __imul__ __int__ __invert__ __isub__ __iter__ __itruediv__
__le__ __len__ __lt__ __matmul__ __mul__ __ne__ __neg__ __or__ __pow__ __radd__
__rmul__ __rsub__ __rtruediv__ __setitem__ __sub__ __truediv__
"""
_HOMES = torch, Tensor, torch.nn.functional, torch._C, torch._C._nn
_QUIET = frozenset(
    getattr(home, name)
    for home in _HOMES
    for name in _NAMES.split()
    if callable(getattr(home, name, None))
)

# Whether a thread watches its calls already.
_here = threading.local()


class DrawsInBackward(Exception):
    """Raised where a backward pass draws random numbers.

    They may have to be those of the forward pass, as where activations are computed
    again.
    """


@contextmanager
def rerouted(generators: Generators) -> Iterator[None]:
    """Let all that the calling thread draws come from some generators.

    What has a generator of its own, other threads, and torch's default generators are
    left alone.

    Parameters
    ----------
    generators : mapping of str to torch.Generator
        By the type of their device. Devices of other types are left alone too.
    """
    with drawing_from(generators):
        if getattr(_here, "watches", False):  # two modes would ask each other
            yield
            return
        _here.watches = True
        try:
            with _Calls(_Operations()):
                yield
        finally:
            _here.watches = False


def watched_backward(loss: Tensor) -> None:
    """Compute gradients; raise `DrawsInBackward` where something draws for it.

    Parameters
    ----------
    loss : Tensor of shape ()
        What ``loss.backward()`` would do without the mode, as all functions that a mode
        is asked about.
    """
    with drawing_from({}), _Calls(_Refusal()):
        torch.autograd.Variable._execution_engine.run_backward(
            (loss,),
            (torch.ones_like(loss),),
            keep_graph=False,
            create_graph=False,
            inputs=(),
            allow_unreachable=True,
            accumulate_grad=True,
        )


def watched_gradients(
    output: Tensor, weights: Sequence[Tensor], direction: Tensor | None = None
) -> tuple[Tensor | None, ...]:
    """Give gradients in some weights, and keep the graph; see `watched_backward`.

    Parameters
    ----------
    output : Tensor
        What they are gradients of.
    weights : sequence of Tensor
        Their own `grad` stays as it is.
    direction : Tensor of the shape of `output`, default=None
        What each of its values counts; None is 1.

    Returns
    -------
    tuple of Tensor or None
        None where the output does not depend on the weight.
    """
    with drawing_from({}), _Calls(_Refusal()):
        return torch.autograd.Variable._execution_engine.run_backward(
            (output,),
            (torch.ones_like(output) if direction is None else direction,),
            keep_graph=True,
            create_graph=False,
            inputs=tuple(weights),
            allow_unreachable=True,
            accumulate_grad=False,
        )


class _Calls(TorchFunctionMode):
    """Looks closer at all calls but those that surely draw nothing.

    A look at every operation costs more than a small one of them.

    Parameters
    ----------
    operations : TorchDispatchMode
        Looks at the operations of a call.
    """

    def __init__(self, operations: TorchDispatchMode) -> None:
        super().__init__()
        self.operations = operations

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _QUIET or func.__name__ in ("__get__", "__set__"):
            return func(*args, **kwargs)
        if func is torch.nn.functional.dropout:  # so common that it has its own way
            result = _dropped(*args, **kwargs)
            if result is not None:
                return result
        with self.operations:
            return func(*args, **kwargs)


def _dropped(
    input: Tensor,  # torch's name
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor | None:
    """Drop values as torch does; None where a closer look is needed."""
    draws = training and not inplace and 0 < p < 1
    generator = generator_for(input.device) if draws else None
    return None if generator is None else dropped(input, p, generator)


class _Operations(TorchDispatchMode):
    """Gives operations that draw a generator."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        if _drops_nothing(func, args, kwargs):
            return func(*args, **kwargs)
        generator = generator_for(_device_of(args, kwargs))
        if generator is None:
            return func(*args, **kwargs)
        if func is torch.ops.aten.native_dropout.default:
            return _dropout(generator, *args)
        named = _with_generator(func)
        if named is None:
            with lent([generator]):
                return func(*args, **kwargs)
        if kwargs.get("generator") is None and not _given(args):
            kwargs = {**kwargs, "generator": generator}
        return named(*args, **kwargs)


class _Refusal(TorchDispatchMode):
    """Raises where an operation draws."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise DrawsInBackward(str(func))
        return func(*args, **(kwargs or {}))


def _drops_nothing(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether an operation that may drop something is not asked to.

    Such as attention, which has no form that takes a generator.
    """
    names = [each.name for each in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    return "dropout_p" in names and given.get("dropout_p", 0.0) == 0.0


def _given(args: tuple[Any, ...]) -> bool:
    return any(isinstance(each, torch.Generator) for each in args)


def _device_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    """Tell where an operation draws."""
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    tensors = (each for each in (*args, *kwargs.values()) if isinstance(each, Tensor))
    first = next(tensors, None)
    return torch.device("cpu") if first is None else first.device


@cache
def _with_generator(func: Any) -> Any:
    """Find the same operation with a generator among its arguments."""
    names = {each.name for each in func._schema.arguments}
    packet = func.overloadpacket
    for overload in (func._overloadname, *packet.overloads()):
        found = getattr(packet, overload)
        if {each.name for each in found._schema.arguments} == names | {"generator"}:
            return found
    return None


def _dropout(
    generator: torch.Generator, x: Tensor, p: float, train: bool | None = True
) -> tuple[Tensor, Tensor]:
    """Do what dropout does on a GPU, where it takes no generator."""
    kept = torch.ones_like(x, dtype=torch.bool)
    if train is False:
        return x.clone(), kept
    kept.bernoulli_(1 - p, generator=generator)
    return x * kept * (1 / (1 - p) if p < 1 else 0.0), kept


@contextmanager
def lent(generators: Iterable[torch.Generator]) -> Iterator[None]:
    """Let torch's default generators have the states of others for a while.

    Parameters
    ----------
    generators : iterable of torch.Generator
        They go on from where the drawing has ended. Other devices are left alone.
    """
    pairs = [(each, _default(each.device)) for each in generators]
    before = [default.get_state() for _, default in pairs]
    try:
        for generator, default in pairs:
            default.set_state(generator.get_state())
        yield
    finally:
        for (generator, default), state in zip(pairs, before, strict=True):
            generator.set_state(default.get_state())
            default.set_state(state)


def _default(device: torch.device) -> torch.Generator:
    """Give the generator that torch draws from where nobody names one."""
    if device.type == "cuda":
        torch.cuda.init()
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
