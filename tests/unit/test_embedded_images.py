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


def test_how_pip_reaches_packages_is_no_part_of_an_image(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(images, "_run", lambda argv, what: said.append(argv))
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@index.example/simple")
    monkeypatch.delenv("PIP_CERT", raising=False)
    images.Buildah(tmp_path / "root", tmp_path / "scratch").build("x", images.WORKLOADS / "signals-quit", {})
    (argv,) = said
    assert [one for one in argv if "PIP_" in one] == [
        "--env=PIP_INDEX_URL=https://user:secret@index.example/simple",
        "--unsetenv=PIP_INDEX_URL",
    ]
