import pathlib

import pytest

from tests.kind import runc

WITH = {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"], "effective": ["CAP_SYS_RESOURCE"]}
WITHOUT = {"bounding": ["CAP_CHOWN"], "effective": []}


@pytest.mark.parametrize(("bounds", "missing"), [("000001ffffffffff", False), ("000001fffeffffff", True)])
def test_whether_the_capability_is_missing_is_read_from_the_status(bounds, missing):
    assert runc.is_missing(f"Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t{bounds}\n") is missing


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["--root", "/r", "create", "--bundle", "/b", "--pid-file", "/p", "id"], ["/b/config.json"]),
        (["run", "-b", "/b", "id"], ["/b/config.json"]),
        (["--root", "/r", "exec", "--process", "/f", "--detach", "id"], ["/f"]),
        (["exec", "-p", "/f", "id"], ["/f"]),
        (["kill", "id", "9"], []),
    ],
)
def test_the_files_that_say_what_to_start_are_found(arguments, files):
    assert runc.specs(arguments) == [pathlib.Path(file) for file in files]


def test_it_is_taken_out_of_a_containers_specification_and_of_a_processs():
    container = {"process": {"args": ["x"], "capabilities": dict(WITH)}, "root": {"path": "rootfs"}}
    changed = {"process": {"args": ["x"], "capabilities": WITHOUT}, "root": {"path": "rootfs"}}
    assert runc.without(container) == changed
    assert runc.without({"args": ["x"], "capabilities": dict(WITH)}) == {"args": ["x"], "capabilities": WITHOUT}


def test_a_process_without_any_is_left_alone():
    assert runc.without({"args": ["x"]}) == {"args": ["x"]}
