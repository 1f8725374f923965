"""Order the stages and touch ``data/``: the only part that reads and writes a workspace."""
