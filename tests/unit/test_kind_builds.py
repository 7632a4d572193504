import pytest

from harness.clusters.kind import builds


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))


def filled(folder):
    (folder / "file").write_text("made")


def never(folder):
    pytest.fail(f"{folder} was made again")


def test_what_is_made_is_made_once():
    target = builds.place("images", "k1")
    assert builds.made(target, "making it", filled) == target
    assert (target / "file").read_text() == "made"
    assert builds.made(target, "making it", never) == target


def test_what_was_broken_off_leaves_nothing():
    target = builds.place("images", "k1")

    def broken(folder):
        filled(folder)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        builds.made(target, "making it", broken)
    assert list(target.parent.iterdir()) == []


def test_what_a_kill_left_is_removed_and_the_newest_stay():
    (builds.place("images", "partial-x")).mkdir(parents=True)
    for number in range(5):
        builds.made(builds.place("images", f"k{number}"), "making it", filled)
    left = {folder.name for folder in builds.place("images", "").iterdir()}
    assert left == {"k2", "k3", "k4"}, "two besides the one in use"
