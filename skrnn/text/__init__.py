"""Strings to tokens to token ids."""
