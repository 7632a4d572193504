"""The commands of `survive` that are more than a few lines: each adds itself to the parser."""
