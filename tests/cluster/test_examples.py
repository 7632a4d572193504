"""Users' apps live: a part of the examples, each of which holds, and one of them broken, which must not.

`pytest examples` runs all of them.
"""

import pathlib
import shutil
import subprocess
import sys

from harness.results import Results
from tests.cluster.conftest import ROOT

CHOSEN = (
    "nginx/site.survive.yaml::rollout",
    "nginx/site.survive.yaml::kill",
    "python/api.survive.yaml::delete",
    "node/web.survive.yaml::delete",
    "statefulset/store.survive.yaml::evict",
    "controller/operator.survive.yaml::handover",
    "hooks/site.survive.yaml::set-variable",
)


def broken_controller(folder: pathlib.Path) -> str:
    """The controller that does not give its lease up: it must expire first, after 15 s, and 5 s are the limit."""
    shutil.copytree(ROOT / "examples" / "controller" / "k8s", folder / "k8s")
    manifest = folder / "k8s" / "operator.yaml"
    whole = manifest.read_text()
    manifest.write_text(whole.replace(", --release]", "]"))
    assert manifest.read_text() != whole
    spec = folder / "late.survive.yaml"
    shutil.copy(ROOT / "examples" / "controller" / "operator.survive.yaml", spec)
    return f"{spec}::handover"


def test_the_examples_hold_and_a_broken_one_does_not(tmp_path: pathlib.Path) -> None:
    (tmp_path / "late").mkdir()
    chosen = [f"examples/{name}" for name in CHOSEN] + [broken_controller(tmp_path / "late")]
    argv = [sys.executable, "-m", "pytest", *chosen, "--cluster", "embedded", "--survive-out", str(tmp_path / "out")]
    argv += ["-n", "3", "--dist", "load", "--maxschedchunk", "1", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300)
    found = {one.name: one for one in Results.read(tmp_path / "out" / "latest" / "results.json").results}
    verdicts = {name: one.verdict for name, one in found.items()}
    assert verdicts == {
        "site-rollout": "pass",
        "site-kill": "pass",
        "api-delete": "pass",
        "web-delete": "pass",
        "store-evict": "pass",
        "operator-handover": "pass",
        "hooked-set-variable": "pass",
        "late-handover": "fail",
    }, done.stdout
    assert "lease operator-leader without a holder <= 5 s" in found["late-handover"].why
    assert done.returncode == 1
    # What was measured was asked as the file says: by POST, with the status that only a good order has.
    assert found["api-delete"].traffic is not None
    assert found["api-delete"].traffic.requests > 300
    assert [note.title for note in found["hooked-set-variable"].notes] == ["Pods"]
