"""The vocabulary of a GGUF file and its tokenizer, by llama.cpp's rule for `tokenizer.ggml.model = "llama"`.

Standard library only. Text is cut into characters, and the neighbouring pair whose union has the highest
score is merged until no pair is left; what is not in the vocabulary becomes byte tokens.
"""

from __future__ import annotations

import heapq

SPACE = "\u2581"
BYTE, CONTROL, UNKNOWN, NORMAL = 6, 3, 2, 1


class Vocabulary:
    def __init__(self, pieces: list[str], scores: list[float], kinds: list[int]) -> None:
        self.pieces, self.scores, self.kinds = pieces, scores, kinds
        self.ids = {p: i for i, p in enumerate(pieces) if kinds[i] == NORMAL}
        self.bytes = {int(p[3:5], 16): i for i, p in enumerate(pieces) if kinds[i] == BYTE}

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, which gets a space in front."""
        parts: list[str] = list((" " + text).replace(" ", SPACE)) if text else []
        following = list(range(1, len(parts) + 1))
        previous = list(range(-1, len(parts) - 1))
        heap: list[tuple[float, int, str]] = []

        def offer(left: int) -> None:
            if 0 <= left and following[left] < len(parts):
                union = parts[left] + parts[following[left]]
                if union in self.ids:
                    heapq.heappush(heap, (-self.scores[self.ids[union]], left, union))

        for left in range(len(parts) - 1):
            offer(left)
        while heap:
            _, left, union = heapq.heappop(heap)
            right = following[left]
            if not parts[left] or right >= len(parts) or parts[left] + parts[right] != union:
                continue  # one of the two was merged elsewhere meanwhile
            parts[left], parts[right] = union, ""
            following[left] = following[right]
            if following[left] < len(parts):
                previous[following[left]] = left
            offer(left)
            offer(previous[left])
        return [token for part in parts if part for token in self.tokens_of(part)]

    def tokens_of(self, part: str) -> list[int]:
        if part in self.ids:
            return [self.ids[part]]
        return [self.bytes[b] for b in part.encode()]

    def decode(self, tokens: list[int]) -> str:
        """The text of token ids; control tokens have none."""
        out = bytearray()
        for token in tokens:
            piece, kind = self.pieces[token], self.kinds[token]
            if kind == BYTE:
                out.append(int(piece[3:5], 16))
            elif kind == NORMAL:
                out += piece.replace(SPACE, " ").encode()
        return out.decode(errors="replace")
