"""The bridge: a statement in, temporary credentials out; what programs speak to; a local AWS to try both."""
