"""Changes of values: brightness, contrast, gamma, noise, blur and cutout."""

import math

import torch

from mtlearn.augmentation._draws import draw_symmetric, n_drawn, per_sample

# As scipy.ndimage: a Gaussian ends after so many standard deviations.
TRUNCATE = 4.0


def random_brightness(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Multiply each sample by a factor in 1 - strength to 1 + strength."""
    (drawn,) = draw_symmetric(1, x, generator)
    return x * per_sample(1 + strength * drawn, x)


def random_contrast(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Multiply the distance to each sample's mean by a factor in 1 ± strength."""
    (drawn,) = draw_symmetric(1, x, generator)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * per_sample(1 + strength * drawn, x)


def random_gamma(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Raise each sample, scaled to [0, 1], to a power around 1, and scale back."""
    (drawn,) = draw_symmetric(1, x, generator)
    exponents = per_sample((math.log1p(strength) * drawn).exp(), x)
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    span = high - low
    # A constant image has no span; any other divisor keeps it as it is.
    scaled = (x - low) / torch.where(span > 0, span, 1)
    return low + span * scaled**exponents


def random_noise(
    x: torch.Tensor, deviation: float, generator: torch.Generator
) -> torch.Tensor:
    """Add normal noise to every value."""
    size = (n_drawn(len(x), generator), *x.shape[1:])
    noise = torch.randn(size, generator=generator, dtype=x.dtype, device="cpu")
    return x + deviation * noise.to(x.device)


def random_blur(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Blur each sample with a Gaussian of a deviation in 0 to `strength` pixels."""
    (drawn,) = draw_symmetric(1, x, generator)
    deviations = (drawn + 1) / 2 * strength
    radius = int(TRUNCATE * strength + 0.5)
    return blur(x, deviations, radius)


def blur(x: torch.Tensor, deviations: torch.Tensor, radius: int) -> torch.Tensor:
    """Blur each sample with a Gaussian; beyond the border lies the mirror image.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    deviations : tensor of shape (n,)
        Standard deviations in pixels, on the CPU.
    radius : int
        Pixels on each side that count.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The new images.
    """
    matrices = {
        size: _blur_matrices(deviations, radius, size).to(x) for size in {*x.shape[2:]}
    }
    down, across = (matrices[size][:, None] for size in x.shape[2:])
    return down @ x @ across.mT


def _blur_matrices(deviations: torch.Tensor, radius: int, size: int) -> torch.Tensor:
    """Return matrices (n, size, size) whose rows blur a line of pixels.

    As matrices, borders cost nothing and the kernel may be longer than the line.
    """
    offsets = torch.arange(-radius, radius + 1, device="cpu")
    # Zero would be divided by zero; this little leaves every pixel as it is.
    scaled = offsets / deviations.clamp(min=1e-3)[:, None]
    weights = (-(scaled**2) / 2).exp()
    weights = weights / weights.sum(1, keepdim=True)
    sources = (torch.arange(size, device="cpu")[:, None] + offsets) % (2 * size)
    sources = torch.where(sources < size, sources, 2 * size - 1 - sources)
    shape = (len(deviations), *sources.shape)
    matrices = weights.new_zeros((len(deviations), size, size))
    return matrices.scatter_add(
        2, sources.expand(shape), weights[:, None].expand(shape)
    )


def random_cutout(
    x: torch.Tensor, fraction: float, generator: torch.Generator
) -> torch.Tensor:
    """Fill a square of each sample with the means of its channels."""
    side = max(1, round(fraction * min(x.shape[2:])))
    sides = torch.full((2, len(x)), side, device="cpu")
    mask = random_rectangles(x, sides, generator)
    return torch.where(mask, x.mean((2, 3), keepdim=True), x)


def random_rectangles(
    x: torch.Tensor, sides: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Draw a rectangle for each sample, its centre anywhere, clipped at the border.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    sides : int64 tensor of shape (2, n)
        Heights and widths in pixels.
    generator : torch.Generator
        Of the CPU.

    Returns
    -------
    bool tensor of shape (n, 1, h, w)
        True inside, on the device of the images.
    """
    inside = []
    for size, lengths in zip(x.shape[2:], sides, strict=True):
        number = (n_drawn(len(x), generator),)
        centres = torch.randint(size, number, generator=generator, device="cpu")
        starts = (centres - lengths // 2)[:, None]
        pixels = torch.arange(size, device="cpu")
        inside.append((pixels >= starts) & (pixels < starts + lengths[:, None]))
    rows, columns = (part.to(x.device) for part in inside)
    return rows[:, None, :, None] & columns[:, None, None, :]
