"""Documents to tokens to token ids."""
