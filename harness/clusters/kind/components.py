"""The images of a kind cluster's own pods: static binaries, under the names that kubeadm asks for."""

import pathlib
import subprocess
from typing import Final

from harness.clusters.embedded.hints import explain
from harness.clusters.embedded.programs import KUBERNETES
from harness.clusters.kind import archive
from harness.errors import ClusterError

PACKAGES: Final = "nftables,iptables"
"""Of the images whose programs write rules: kube-proxy's and podnet's."""

PODNET: Final = "survive.dev/podnet:dev"
WRITE_RULES: Final = {"kube-proxy", "podnet"}
_RULES: Final = [
    f"usr/sbin/{family}{what}" for family in ("iptables", "ip6tables") for what in ("", "-save", "-restore")
]
"""Names that the package makes when it is installed; here it is only unpacked."""


def names(kubeadm: pathlib.Path) -> dict[str, str]:
    """The images that this kubeadm asks for, by the programs in them: kube-apiserver, …, coredns, etcd, pause."""
    argv = [str(kubeadm), "config", "images", "list", f"--kubernetes-version={KUBERNETES}"]
    done = subprocess.run(argv, capture_output=True, text=True)
    found = {line.rpartition(":")[0].rpartition("/")[2]: line for line in done.stdout.split()}
    if done.returncode or "pause" not in found:
        raise ClusterError(explain("asking kubeadm for the names of images", done.stderr or done.stdout))
    return found


def write(folder: pathlib.Path, images: dict[str, str], programs: dict[str, pathlib.Path], rules: pathlib.Path) -> None:
    """Write an archive of each image, given by its program's name, into a folder.

    `rules` is a tar file of the distribution's packages, the ground of those images that write rules.
    """
    for program, image in images.items():
        writes = program in WRITE_RULES
        own = archive.layer(
            folder / f"{program}.layer",
            {f"usr/local/bin/{program}": programs[program]},
            dict.fromkeys(_RULES, "xtables-nft-multi") if writes else None,
        )
        layers = [rules, own] if writes else [own]
        archive.write(folder / f"{program}.tar", image, layers, {"Entrypoint": [f"/usr/local/bin/{program}"]})
        own.unlink()
