"""Sequences of different lengths: how they are stored and batched, and n-grams of neighbouring tokens."""
