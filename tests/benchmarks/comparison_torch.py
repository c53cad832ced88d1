"""The network that comparison.py trains with skorch. Pickles need its class in a module."""

import torch
from torch import nn


class Network(nn.Module):
    """Embedding, bidirectional LSTM, maximum over the tokens, dropout, output."""

    def __init__(
        self,
        n_tokens: int,
        n_classes: int,
        embedding_dim: int,
        units: int,
        embedding_dropout: float,
        dropout: float,
    ):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, embedding_dim, padding_idx=0)
        self.embedding_dropout = nn.Dropout1d(embedding_dropout)
        self.lstm = nn.LSTM(embedding_dim, units, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * units, n_classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        longest = int((ids != 0).sum(dim=1).max().clamp(min=1))
        ids = ids[:, :longest]  # the padding is at the end
        vectors = self.embedding(ids).transpose(1, 2)  # (batch, dimension, time)
        states, _ = self.lstm(self.embedding_dropout(vectors).transpose(1, 2))
        padding = (ids == 0).unsqueeze(2)
        padding[:, 0] = False  # a document without tokens
        return self.output(self.dropout(states.masked_fill(padding, -torch.inf).amax(dim=1)))
