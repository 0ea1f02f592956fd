"""The guide's network: a small llama, as llama.cpp computes it (interleaved RoPE, RMSNorm, SwiGLU).

Every prompt starts with the same system sentence. While training, that prefix is computed once
per step as a batch of one, and the other rows attend to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Shape:
    """The sizes that end up in the GGUF metadata."""

    vocab: int
    width: int = 192
    layers: int = 4
    heads: int = 6
    feed_forward: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def as_dict(self) -> dict:
        return asdict(self)


class RmsNorm(nn.Module):
    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rope_tables(shape: Shape) -> tuple[Tensor, Tensor]:
    """cos and sin for every position and pair of dimensions."""
    half = torch.arange(0, shape.head_width, 2, dtype=torch.float32) / shape.head_width
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), shape.rope_base**-half)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns neighbouring dimensions (0,1), (2,3), ... by the angle of their position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width, hidden = shape.width, shape.feed_forward
        self.heads, self.head_width, self.dropout = shape.heads, shape.head_width, dropout
        self.attn_norm = RmsNorm(width, shape.norm_epsilon)
        self.ffn_norm = RmsNorm(width, shape.norm_epsilon)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, hidden, bias=False)
        self.ffn_up = nn.Linear(width, hidden, bias=False)
        self.ffn_down = nn.Linear(hidden, width, bias=False)

    def split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_width).transpose(1, 2)

    def keys_values(self, normed: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        return rotate(self.split(self.attn_k(normed)), cos, sin), self.split(self.attn_v(normed))

    def attend(self, normed: Tensor, cos: Tensor, sin: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        queries = rotate(self.split(self.attn_q(normed)), cos, sin)
        scores = queries @ keys.transpose(-1, -2) * self.head_width**-0.5 + mask
        mixed = (scores.softmax(-1) @ values).transpose(1, 2).flatten(2)
        return self.drop(self.attn_output(mixed))

    def feed(self, x: Tensor) -> Tensor:
        normed = self.ffn_norm(x)
        return self.drop(self.ffn_down(F.silu(self.ffn_gate(normed)) * self.ffn_up(normed)))

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


def causal_mask(queries: int, keys: int) -> Tensor:
    """The last `queries` of `keys` positions; each sees itself and what is before it."""
    return torch.full((queries, keys), float("-inf")).triu(keys - queries + 1)


class Guide(nn.Module):
    """Token embedding (tied with the output), blocks and a last norm."""

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.token_embd = nn.Embedding(shape.vocab, shape.width)
        self.blk = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.output_norm = RmsNorm(shape.width, shape.norm_epsilon)
        cos, sin = rope_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.apply(self._start)

    def _start(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.5 * self.shape.width**-0.5)

    def embed(self, tokens: Tensor) -> Tensor:
        return F.dropout(self.token_embd(tokens), self.dropout, self.training)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.token_embd.weight)

    def forward(self, prefix: Tensor, body: Tensor, gap: int = 0) -> Tensor:
        """Hidden states of body (rows, n), every row preceded by prefix (p).

        A gap moves the body away from the prefix, as a long conversation in between would."""
        rows, length, start = body.shape[0], body.shape[1], prefix.shape[0]
        at = slice(start + gap, start + gap + length)
        first, rest = (self.cos[:start], self.sin[:start]), (self.cos[at], self.sin[at])
        mask, first_mask = causal_mask(length, start + length), causal_mask(start, start)
        p, x = self.embed(prefix[None]), self.embed(body)
        for block in self.blk:
            p_norm, x_norm = block.attn_norm(p), block.attn_norm(x)
            p_keys, p_values = block.keys_values(p_norm, *first)
            x_keys, x_values = block.keys_values(x_norm, *rest)
            keys = torch.cat((p_keys.expand(rows, -1, -1, -1), x_keys), 2)
            values = torch.cat((p_values.expand(rows, -1, -1, -1), x_values), 2)
            p = p + block.attend(p_norm, *first, p_keys, p_values, first_mask)
            p = p + block.feed(p)
            x = x + block.attend(x_norm, *rest, keys, values, mask)
            x = x + block.feed(x)
        return self.output_norm(x)

    @torch.no_grad()
    def greedy(self, prompts: list[list[int]], end: int, limit: int = 96) -> list[list[int]]:
        """The most likely continuation of each prompt, up to the end token."""
        rows, lengths = len(prompts), torch.tensor([len(p) for p in prompts])
        total = int(lengths.max()) + limit
        tokens = torch.zeros(rows, int(lengths.max()), dtype=torch.long)
        for row, ids in enumerate(prompts):
            tokens[row, : len(ids)] = torch.tensor(ids)
        shape = (len(self.blk), rows, self.shape.heads, total, self.shape.head_width)
        cache = (torch.zeros(shape), torch.zeros(shape))
        positions = torch.arange(tokens.shape[1]).expand(rows, -1)
        hidden = self._cached(tokens, positions, cache)[torch.arange(rows), lengths - 1]
        answers: list[list[int]] = [[] for _ in prompts]
        running = [True] * rows
        for step in range(limit):
            best = self.logits(hidden).argmax(-1)
            for row, token in enumerate(best.tolist()):
                running[row] = running[row] and token != end
                if running[row]:
                    answers[row].append(token)
            if not any(running):
                break
            hidden = self._cached(best[:, None], (lengths + step)[:, None], cache)[:, 0]
        return answers

    def _cached(self, tokens: Tensor, positions: Tensor, cache: tuple[Tensor, Tensor]) -> Tensor:
        rows = torch.arange(tokens.shape[0])[:, None]
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        hidden_from = torch.arange(cache[0].shape[3])[None, None, None] > positions[:, None, :, None]
        mask = torch.zeros(hidden_from.shape).masked_fill_(hidden_from, float("-inf"))
        x = self.token_embd(tokens)
        for index, block in enumerate(self.blk):
            normed = block.attn_norm(x)
            keys, values = block.keys_values(normed, cos, sin)
            cache[0][index][rows, :, positions] = keys.transpose(1, 2)
            cache[1][index][rows, :, positions] = values.transpose(1, 2)
            x = x + block.attend(normed, cos, sin, cache[0][index], cache[1][index], mask)
            x = x + block.feed(x)
        return self.output_norm(x)
