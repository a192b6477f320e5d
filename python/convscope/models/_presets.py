"""Named presets: a dialect and a role become a `NetworkSpec`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace

from ._dialects import DIALECTS, Dialect, Upsample
from ._spec import Activation, Conv, Dense, Layer, NetworkSpec, PhaseShuffle, Role, SpecError

_ROLES: dict[str, Role] = {
    "generator": "generator",
    "g": "generator",
    "discriminator": "discriminator",
    "d": "discriminator",
    "qnetwork": "q_network",
    "q": "q_network",
}
_RELU = Activation("relu")
_FIRST_POSITIONS = 16  # out of the generator's dense layer, in every dialect


def preset_names() -> tuple[str, ...]:
    """The dialects `preset` knows."""
    return tuple(DIALECTS)


def preset(
    name: str,
    *,
    role: str,
    num_categories: int = 0,
    slice_len: int | None = None,
    strides: Sequence[int] | None = None,
    dim: int = 64,
    max_channels: int | None = None,
    latent_dim: int = 100,
    kernel_len: int | None = None,
    num_channels: int | None = None,
    batch_norm: bool = False,
    phase_shuffle: int | None = None,
    upsample: Upsample | None = None,
    post_filter_len: int | None = None,
    embedding_dim: int | None = None,
    sample_rate_hz: int | None = None,
) -> NetworkSpec:
    """Describe one network of a published system.

    Parameters
    ----------
    name : one of `preset_names`.
    role : ``"generator"``, ``"discriminator"`` or ``"q_network"``.
    num_categories : length of the code at the front of the latent vector (generator), number of logits (Q-network).
        0 for a bare WaveGAN; a discriminator ignores it.
    slice_len : samples of the waveform: 16384 (unless given otherwise), 32768 or 65536, as far as the dialect has them.
    strides : of the layers, for a network of any other depth or length: 16 times their product is its ``slice_len``.
    dim : channels of the widest-in-time layer, 64 in every paper; they double from layer to layer.
    max_channels : where the doubling ends.
    latent_dim : latent variables, the code included (in ``tf1-ciwgan-embed`` the code comes in front of them).
    kernel_len : taps of every kernel; 25, and 7 in the articulatory generator.
    num_channels : of the waveform; 1, and 13 in the articulatory generator.
    batch_norm : off in every published model.
    phase_shuffle : radius in positions, where it differs from the dialect's; 0 turns it off.
    upsample : ``"zeros"`` (transposed convolution) or ``"nearest"``, where it differs from the dialect's.
    post_filter_len : taps of the learned filter after the output, 0 for none.
    embedding_dim : width of the class embedding, for ``tf1-ciwgan-embed``.
    sample_rate_hz : 16000 unless the dialect says otherwise.

    Raises
    ------
    SpecError
        (a ValueError) for a name, role or combination that does not exist; the message names the field.

    Examples
    --------
    >>> spec = preset("tf1-ciwgan", role="q_network", num_categories=8)
    >>> [layer.name for layer in spec.layers]
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'logits']
    """
    dialect = _dialect(name)
    chosen_role = _role(role)
    is_generator = chosen_role == "generator"
    articulatory = dialect.articulatory and is_generator
    kernel_len = (7 if articulatory else 25) if kernel_len is None else kernel_len
    num_channels = (13 if articulatory else 1) if num_channels is None else num_channels

    _require_positive(dim=dim, latent_dim=latent_dim, kernel_len=kernel_len, num_channels=num_channels)
    _require(max_channels is None or max_channels >= 1, "max_channels", "at least 1", max_channels)
    slice_len, strides = _lengths(dialect, slice_len, strides)
    _require(num_categories >= 0, "num_categories", "a number of at least 0", num_categories)
    _require(
        dialect.has_codes or not num_categories,
        "num_categories",
        f"0, since {name} has no codes",
        num_categories,
    )
    if dialect.padding == "torch11" and not articulatory:
        _require(kernel_len == 25, "kernel_len", f"25, to which the padding of {name} is tied", kernel_len)
    if chosen_role == "q_network":
        _require(
            dialect.q_slope is not None,
            "role",
            f"generator or discriminator, since {name} has no Q-network",
            role,
        )
        _require(num_categories >= 1, "num_categories", "at least 1 for a Q-network", num_categories)
    if is_generator:
        _require(
            num_categories <= latent_dim, "num_categories", f"at most latent_dim={latent_dim}", num_categories
        )
    else:
        for field, value in (("upsample", upsample), ("post_filter_len", post_filter_len)):
            _require(value is None, field, "nothing, since only a generator has it", value)
    _require(upsample in (None, "zeros", "nearest"), "upsample", "zeros or nearest", upsample)
    _require(sample_rate_hz is None or sample_rate_hz >= 1, "sample_rate_hz", "at least 1", sample_rate_hz)
    embedding = _embedding(dialect, is_generator, embedding_dim, num_categories)
    if phase_shuffle is not None:
        _require(not is_generator, "phase_shuffle", "nothing, since a generator has none", phase_shuffle)
        _require(phase_shuffle >= 0, "phase_shuffle", "a radius of at least 0", phase_shuffle)

    layers: list[Layer]
    if articulatory:
        _require(upsample in (None, "zeros"), "upsample", f"zeros in {name}", upsample)
        _require(kernel_len % 2 == 1, "kernel_len", f"an odd number in {name}", kernel_len)
        layers = _articulatory_generator(dialect, dim, latent_dim, kernel_len, num_channels, batch_norm)
    elif is_generator:
        layers = _generator(
            dialect,
            strides,
            _widths(dim, len(strides), max_channels),
            latent_dim,
            kernel_len,
            num_channels,
            batch_norm,
            upsample or dialect.upsample,
        )
        layers[0] = _with_embedding(layers[0], embedding, num_categories)
        if embedding:
            layers[1] = _with_one_more_input(layers[1])
        layers += _post_filter(dialect, post_filter_len, num_channels)
    else:
        logits = num_categories if chosen_role == "q_network" else 1
        if not dialect.sixth_downconv:
            strides = strides[:5]
        layers = _critic(
            dialect,
            chosen_role,
            slice_len,
            strides,
            _widths(dim, len(strides), max_channels),
            num_channels,
            kernel_len,
            batch_norm,
            phase_shuffle,
            logits,
        )

    spec = NetworkSpec(
        name=name,
        role=chosen_role,
        layers=tuple(layers),
        in_length=1 if is_generator else slice_len,
        in_channels=layers[0].in_channels,
        slice_len=slice_len,
        sample_rate_hz=dialect.sample_rate_hz if sample_rate_hz is None else sample_rate_hz,
        num_categories=num_categories,
    )
    return _with_true_slice(spec, articulatory, sample_rate_hz)


def _with_true_slice(spec: NetworkSpec, articulatory: bool, sample_rate_hz: int | None) -> NetworkSpec:
    """The articulatory generator makes 256 frames for 1.28 s whatever the slice; one old layer makes two samples more."""
    if spec.role != "generator":
        return spec
    rate = (sample_rate_hz or 200) if articulatory else spec.sample_rate_hz
    return replace(spec, slice_len=spec.out_lengths[-1], sample_rate_hz=rate)


def _require(holds: bool, field: str, expected: str, got: object) -> None:
    if not holds:
        raise SpecError(f"{field}: expected {expected}, got {got!r}")


def _require_positive(**fields: int) -> None:
    for field, value in fields.items():
        _require(value >= 1, field, "at least 1", value)


def _dialect(name: str) -> Dialect:
    if name not in DIALECTS:
        close = difflib.get_close_matches(name, DIALECTS, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(DIALECTS)}."
        raise SpecError(f"name: there is no preset {name!r}. {hint}")
    return DIALECTS[name]


def _role(role: str) -> Role:
    key = role.lower().replace("-", "").replace("_", "").replace(" ", "")
    _require(key in _ROLES, "role", "generator, discriminator or q_network", role)
    return _ROLES[key]


def _same(kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding where the stride divides the length; for a transposed layer, what it cuts off."""
    total = kernel - stride
    return (total // 2, total - total // 2) if total >= 0 else (0, total)


def _lengths(
    dialect: Dialect, slice_len: int | None, strides: Sequence[int] | None
) -> tuple[int, tuple[int, ...]]:
    """The slice's samples and every layer's stride."""
    if strides is None:
        length = 16384 if slice_len is None else slice_len
        expected = f"one of {dialect.slice_lengths} in {dialect.name}"
        _require(length in dialect.slice_lengths, "slice_len", expected, length)
        last = {32768: (2,), 65536: (4,)}.get(length, ())
        return length, (4, 4, 4, 4, 4, *last)
    strides = tuple(strides)
    _require(slice_len is None, "slice_len", "nothing beside strides", slice_len)
    _require(len(strides) >= 2 and min(strides) >= 1, "strides", "two or more, each at least 1", strides)
    fours = set(strides) == {4} and len(strides) <= 5
    _require(
        dialect.padding == "tf_same" or fours, "strides", f"at most five of 4 in {dialect.name}", strides
    )
    return _FIRST_POSITIONS * math.prod(strides), strides


def _widths(dim: int, layers: int, most: int | None) -> list[int]:
    """Channels at the sound's end of the network and on, doubling."""
    return [min(dim * 2**i, most or dim * 2**i) for i in range(layers)]


def _generator(
    dialect: Dialect,
    strides: Sequence[int],
    widths: Sequence[int],
    latent_dim: int,
    kernel: int,
    num_channels: int,
    batch_norm: bool,
    upsample: Upsample,
) -> list[Layer]:
    norm = dialect.norm if batch_norm else None
    channels = [*reversed(widths), num_channels]
    layers: list[Layer] = [
        Dense(
            name="fc",
            in_channels=latent_dim,
            out_positions=_FIRST_POSITIONS,
            out_channels=channels[0],
            order=dialect.flatten_order,
            norm=norm,
            activation=_RELU if dialect.relu_after_projection else Activation(),
        )
    ]
    for i, stride in enumerate(strides):
        is_last = i == len(strides) - 1
        layers.append(
            _upconv(
                dialect,
                upsample,
                stride,
                Conv(
                    name="out" if is_last else f"conv{i + 1}",
                    in_channels=channels[i],
                    out_channels=channels[i + 1],
                    kernel=kernel,
                    norm=None if is_last and not dialect.norm_on_output else norm,
                    activation=Activation("tanh") if is_last else _RELU,
                ),
            )
        )
    return layers


def _upconv(dialect: Dialect, upsample: Upsample, stride: int, layer: Conv) -> Conv:
    same_length = _same(layer.kernel, 1)
    if (
        upsample == "nearest" and dialect.padding == "torch11"
    ):  # always by 4, and a stride of 4 // stride after it
        return replace(layer, upsample=4, stride=4 // stride, padding=same_length)
    if upsample == "nearest":
        return replace(layer, upsample=stride, padding=same_length)
    # torch: padding 11 and output_padding 1, whatever the stride
    cut = _same(layer.kernel, stride) if dialect.padding == "tf_same" else (11, 10)
    return replace(layer, transposed=True, stride=stride, padding=cut)


def _articulatory_generator(
    dialect: Dialect, dim: int, latent_dim: int, kernel: int, num_channels: int, batch_norm: bool
) -> list[Layer]:
    norm = dialect.norm if batch_norm else None
    channels = [16 * dim, 8 * dim, 8 * dim, 4 * dim, 4 * dim, num_channels]
    layers: list[Layer] = [
        Dense(
            name="fc",
            in_channels=latent_dim,
            out_positions=_FIRST_POSITIONS,
            out_channels=channels[0],
            order=dialect.flatten_order,
            norm=norm,
        )
    ]
    for i, stride in enumerate((2, 2, 2, 1, 2)):
        half = (kernel - 1) // 2
        layers.append(
            Conv(
                name="out" if i == 4 else f"conv{i + 1}",
                in_channels=channels[i],
                out_channels=channels[i + 1],
                kernel=kernel,
                stride=stride,
                padding=(half, half - (stride - 1)),
                transposed=True,
                norm=norm,
                activation=Activation("tanh", scale=3.0) if i == 4 else _RELU,
            )
        )
    return layers


def _embedding(dialect: Dialect, is_generator: bool, width: int | None, num_categories: int) -> int | None:
    if dialect.embedding is None or not is_generator:
        _require(width is None, "embedding_dim", f"nothing: no class embedding in {dialect.name} here", width)
        return None
    _require(
        num_categories >= 1, "num_categories", "at least 1, which the class embedding needs", num_categories
    )
    _require(width is None or width >= 1, "embedding_dim", "at least 1", width)
    return width or dialect.embedding


def _with_embedding(layer: Layer, embedding: int | None, classes: int) -> Layer:
    if embedding is None or not isinstance(layer, Dense):
        return layer
    return replace(
        layer,
        in_channels=classes + layer.in_channels,
        out_channels=layer.out_channels + 1,
        embedding=embedding,
        classes=classes,
    )


def _with_one_more_input(layer: Layer) -> Layer:
    return replace(layer, in_channels=layer.in_channels + 1)


def _post_filter(dialect: Dialect, length: int | None, num_channels: int) -> list[Layer]:
    length = dialect.post_filter_len if length is None else length
    _require(length >= 0, "post_filter_len", "at least 0", length)
    if length == 0:
        return []
    left, right = _same(length, 1)
    tensorflow = dialect.padding == "tf_same"
    return [
        Conv(
            name="filter",
            in_channels=num_channels,
            out_channels=1 if tensorflow else num_channels,
            kernel=length,
            padding=(left, right) if tensorflow else (right, left),
            bias=not tensorflow,
        )
    ]


def _critic(
    dialect: Dialect,
    role: Role,
    slice_len: int,
    strides: Sequence[int],
    widths: Sequence[int],
    num_channels: int,
    kernel: int,
    batch_norm: bool,
    radius: int | None,
    logits: int,
) -> list[Layer]:
    is_q = role == "q_network"
    slope = (dialect.q_slope if is_q else dialect.discriminator_slope) or 0.0
    shuffle = dialect.q_shuffle if is_q else dialect.discriminator_shuffle
    if radius is not None:
        shuffle = PhaseShuffle(radius, shuffle.draw if shuffle else "batch") if radius else None
    norm = dialect.critic_norm if batch_norm else None

    layers: list[Layer] = []
    channels, length = num_channels, slice_len
    for i, (stride, width) in enumerate(zip(strides, widths, strict=True)):
        layer = Conv(
            name=f"conv{i + 1}",
            in_channels=channels,
            out_channels=width,
            kernel=kernel,
            stride=stride,
            padding=_same(kernel, stride) if dialect.padding == "tf_same" else (11, 11),
            norm=None if i == 0 and not dialect.norm_on_first_downconv else norm,
            activation=Activation("leaky_relu", slope) if slope else _RELU,
            shuffle=shuffle if i < min(4, len(strides) - 1) or dialect.shuffle_after_last else None,
        )
        layers.append(layer)
        channels, length = layer.out_channels, layer.out_length(length)
    layers.append(
        Dense(
            name="logits",
            in_positions=length,
            in_channels=channels,
            out_channels=logits,
            order=dialect.flatten_order,
            activation=Activation("sigmoid") if dialect.sigmoid_head else Activation(),
        )
    )
    return layers
