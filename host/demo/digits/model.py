"""The network: whisper's, small, with the parameter names of whisper's files.

Two things differ from a plain implementation, both to train on two cores:
only the used rows of the token table exist (see vocabulary.py), and only the positions that hold sound are computed.
The silent rest of the 1500 is alike everywhere but for its place; a few positions stand for all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from features import BANDS
from vocabulary import FIRST_TIME, ROWS, TIMES, VOCABULARY_SIZE

AUDIO_POSITIONS = 1500
TEXT_POSITIONS = 448
FRAMES_PER_POSITION = 2
SECONDS_PER_POSITION = 0.02
# whisper.cpp's flash attention fills keys up with zeros to a multiple of this, and does not mask them.
FLASH_KEYS = 256


@dataclass(frozen=True)
class Shape:
    """The sizes that the file's header states."""

    width: int = 64
    heads: int = 2
    encoder_layers: int = 3
    decoder_layers: int = 3  # whisper.cpp takes two layers for a distilled model, without timestamps


def sinusoids(length: int, width: int) -> Tensor:
    """Whisper's fixed positions."""
    rates = np.exp(-math.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    angles = np.arange(length)[:, None] * rates
    return torch.tensor(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), dtype=torch.float32)


class Attention(nn.Module):
    """Attention over a sequence of keys that may carry an additive bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, x: Tensor, y: Tensor, bias: Tensor, filler: bool = False) -> Tensor:
        """Attends from x to y; with `filler` also to one key and value of zeros."""
        query, key, value = self._split(self.query(x)), self._split(self.key(y)), self._split(self.value(y))
        if filler:
            key, value = F.pad(key, (0, 0, 0, 1)), F.pad(value, (0, 0, 0, 1))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, y: Tensor, bias: Tensor) -> Tensor:
        """The attention itself, averaged over the heads, for the loss that guides it."""
        query, key = self._split(self.query(x)), self._split(self.key(y))
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return (scores + bias).softmax(-1).mean(1)


class Block(nn.Module):
    """A layer of the encoder, or with `cross` of the decoder."""

    def __init__(self, shape: Shape, cross: bool) -> None:
        super().__init__()
        width = shape.width
        self.attn_ln, self.attn = nn.LayerNorm(width), Attention(width, shape.heads)
        if cross:
            self.cross_attn_ln, self.cross_attn = nn.LayerNorm(width), Attention(width, shape.heads)
        self.mlp_ln = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"0": nn.Linear(width, 4 * width), "2": nn.Linear(4 * width, width)})

    def feed_forward(self, x: Tensor) -> Tensor:
        return x + self.mlp["2"](F.gelu(self.mlp["0"](self.mlp_ln(x))))


@dataclass
class Heard:
    """What the encoder gives the decoder: positions with sound first, then those that stand for silence."""

    states: Tensor
    bias: Tensor
    filler: bool
    sounding: int


class Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(AUDIO_POSITIONS, shape.width))
        self.blocks = nn.ModuleList(Block(shape, cross=False) for _ in range(shape.encoder_layers))
        self.ln_post = nn.LayerNorm(shape.width)

    def _convolve(self, features: Tensor) -> Tensor:
        return F.gelu(self.conv2(F.gelu(self.conv1(features)))).transpose(1, 2)

    def forward(
        self,
        features: Tensor,
        silence: Tensor,
        begin: Tensor | None = None,
        to_the_end: bool = False,
        stand_ins: int = 32,
        filler: bool = False,
        positions: int = AUDIO_POSITIONS,
    ) -> Heard:
        """Encodes features [batch, frames, bands] that begin at position `begin` (else 0) of the window.

        All other frames of the window, which has `positions`, hold the value `silence` [batch].
        `to_the_end` says that none follow.
        """
        batch, frames, _ = features.shape
        features = features.transpose(1, 2)
        quiet = silence[:, None, None].expand(batch, BANDS, 4)
        parts = [] if begin is None else [quiet]
        parts += [features] if to_the_end else [features, quiet]
        x = self._convolve(torch.cat(parts, 2))
        # The outermost position beside a part of `quiet` sees the convolution's own zeros: drop it.
        x = x[:, 0 if begin is None else 1 : None if to_the_end else -1]
        sounding = x.shape[1]
        first = torch.zeros(batch, dtype=torch.long) if begin is None else begin - 1
        places = first[:, None] + torch.arange(sounding)

        rest = positions - sounding
        stand_ins = min(stand_ins, rest)
        fillers = -positions % FLASH_KEYS
        filler = filler and fillers > 0
        drawn = ((torch.arange(stand_ins) + torch.rand(batch, stand_ins)) * (rest / stand_ins)).long()
        drawn = drawn.clamp(0, rest - 1)
        drawn = torch.where(drawn < first[:, None], drawn, drawn + sounding)
        still = self._convolve(quiet.repeat(1, 1, 2))[:, 1:2]
        x = torch.cat(
            [x + self.positional_embedding[places], still + self.positional_embedding[drawn]], 1
        )
        weight = [torch.zeros(sounding), torch.full((stand_ins,), math.log(rest / stand_ins))]
        if filler:
            weight.append(torch.tensor([math.log(fillers)]))
        bias = torch.cat(weight).view(1, 1, 1, -1)
        for block in self.blocks:
            y = block.attn_ln(x)
            x = block.feed_forward(x + block.attn(y, y, bias, filler))
        return Heard(self.ln_post(x), bias, filler, sounding)


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.positional_embedding = nn.Parameter(0.1 * sinusoids(TEXT_POSITIONS, width))
        self.rows = nn.Parameter(torch.randn(FIRST_TIME, width) * 0.1)
        self.unused = nn.Parameter(torch.randn(width) * 0.05)
        # Times are rows, too, but made from waves: neighbours are alike, and rare ones are learned with the others.
        angles = torch.arange(TIMES)[:, None] * torch.tensor(
            np.geomspace(2 * math.pi / 600, math.pi / 1.3, width // 2), dtype=torch.float32
        )
        self.register_buffer("waves", torch.cat([torch.sin(angles), torch.cos(angles)], 1))
        self.time = nn.Linear(width, width)
        nn.init.normal_(self.time.weight, std=0.1)
        self.begin_of_window = nn.Parameter(torch.randn(width) * 0.1)
        self.end_of_window = nn.Parameter(torch.randn(width) * 0.1)
        self.blocks = nn.ModuleList(Block(shape, cross=True) for _ in range(shape.decoder_layers))
        self.ln = nn.LayerNorm(width)

    def table(self) -> Tensor:
        """A vector for every row, and as the last one the vector that all unused ids share."""
        times = self.time(self.waves)
        times = torch.cat([times[:1] + self.begin_of_window, times[1:-1], times[-1:] + self.end_of_window])
        return torch.cat([self.rows, times, self.unused[None]])

    def forward(self, tokens: Tensor, heard: Heard, guided: int | None = None) -> tuple[Tensor, Tensor | None]:
        """Log probabilities [batch, length, rows + 1], the last one for all unused ids together;
        and where layer `guided` looked."""
        length = tokens.shape[1]
        table = self.table()
        x = table[tokens] + self.positional_embedding[:length]
        causal = torch.full((length, length), -1e4).triu(1)
        looked = None
        for index, block in enumerate(self.blocks):
            y = block.attn_ln(x)
            x = x + block.attn(y, y, causal)
            y = block.cross_attn_ln(x)
            if index == guided:
                bias = heard.bias[..., : heard.states.shape[1]]
                looked = block.cross_attn.weights(y, heard.states, bias)[..., : heard.sounding]
            x = block.feed_forward(x + block.cross_attn(y, heard.states, heard.bias, heard.filler))
        scores = self.ln(x) @ table.T
        scores = torch.cat([scores[..., :-1], scores[..., -1:] + math.log(VOCABULARY_SIZE - ROWS)], -1)
        return scores.log_softmax(-1), looked


class Network(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)
        for name, parameter in self.named_parameters():
            if name.endswith(("attn.out.weight", "mlp.2.weight")):
                parameter.data *= 0.5
