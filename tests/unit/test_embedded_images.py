import pytest

from harness.clusters.embedded import images
from harness.errors import ClusterError


@pytest.fixture
def release(monkeypatch):
    """Make this machine one with such an os-release."""
    return lambda **values: monkeypatch.setattr(images.platform, "freedesktop_os_release", lambda: values)


@pytest.mark.parametrize(
    ("values", "suite", "components"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, "bookworm", "main"),
        ({"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_CODENAME": "noble"}, "noble", "main,universe"),
        (
            {
                "ID": "linuxmint",
                "ID_LIKE": "ubuntu debian",
                "VERSION_CODENAME": "wilma",
                "UBUNTU_CODENAME": "noble",
            },
            "noble",
            "main,universe",
        ),
        ({"ID": "raspbian", "ID_LIKE": "debian", "VERSION_CODENAME": "bookworm"}, "bookworm", "main"),
    ],
)
def test_the_base_image_is_of_the_machines_own_distribution(release, values, suite, components):
    release(**values)
    assert images.suite() == suite
    assert images.components() == components


@pytest.mark.parametrize("values", [{"ID": "fedora", "VERSION_CODENAME": "x"}, {"ID": "debian"}])
def test_another_distribution_is_refused(release, values):
    release(**values)
    with pytest.raises(ClusterError, match="Debian or Ubuntu"):
        images.suite()
