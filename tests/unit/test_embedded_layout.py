import os

from harness.clusters.embedded import layout


def test_prune_keeps_what_is_used_what_is_new_and_what_is_being_built(tmp_path):
    for age, name in enumerate(("newest", "newer", "old", "older-but-used", "oldest", "partial-x")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "a-file").write_text("")
    layout.prune(tmp_path, {"older-but-used"})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"newest", "newer", "older-but-used", "partial-x", "a-file"}
