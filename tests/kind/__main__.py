"""Run a command with a Docker engine of its own, the node image loaded, and kind as $SURVIVE_KIND.

python -m tests.kind pytest suites --cluster kind --kind-image "$(survive kind image | tail -n 1)" -m core
python -m tests.kind clean     # what Docker or Podman left whose user was killed
"""

import contextlib
import os
import subprocess
import sys

from harness.clusters.kind import node_image, programs, samples
from harness.errors import SurviveError
from harness.progress import Progress
from tests.kind import engine, podman


def main(argv: list[str]) -> int:
    """Run it; its exit code."""
    if argv == ["clean"]:
        engine.sweep()
        podman.sweep()
        return 0
    progress = Progress()
    archive, kind = node_image.build(progress), programs.build("kind", progress)
    samples.build(None, progress)  # now, since inside there is no network
    with contextlib.ExitStack() as stack:
        with progress.stage("start Docker and load the node image"):
            docker = stack.enter_context(engine.engine())
            docker.ask("load", "--input", str(archive))
        env = {**os.environ, **docker.environment, "SURVIVE_KIND": str(kind)}
        return subprocess.run(docker.command(argv), env=env).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
    except SurviveError as exc:
        sys.exit(f"tests.kind: {exc}")
