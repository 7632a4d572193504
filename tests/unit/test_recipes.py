"""The published Containerfiles: none is forgotten by what builds them, or by the document that tells to build them."""

import re

from harness.clusters.embedded import images
from tests.images.recipe import ROOT, recipes

IMAGES = (ROOT / "docs" / "clusters.md").read_text().partition("\n### Images\n")[2].partition("\n### ")[0]


def test_they_are_those_that_the_embedded_cluster_has_and_the_harness() -> None:
    assert {recipe.image for recipe in recipes().values()} == {
        *(image.name for image in images.own()),
        "survive.dev/harness:dev",
    }


def test_each_is_built_from_the_folder_that_the_cluster_builds_it_from() -> None:
    for image in images.own():
        recipe = next(one for one in recipes().values() if one.image == image.name)
        assert ROOT / recipe.context == image.context
        assert ROOT / recipe.file == image.context / image.containerfile


def test_the_document_names_each_with_its_context() -> None:
    (loop,) = re.findall(
        r"for name in ([\w -]+); do\n  docker build -f workloads/\$name/Containerfile \S+ \S+ workloads/\$name\n",
        IMAGES,
    )
    apart = {"signals-quit", "goweb", "faults", "harness"}
    assert set(loop.split()) == recipes().keys() - apart
    assert {name for name in apart if f"`{name}`" not in IMAGES} == set()
    looped = [recipes()[name] for name in loop.split()]
    assert all(recipe.context == recipe.file.parent and recipe.takes == {"BASE"} for recipe in looped)
