"""A small disk for one node: an ext4 file system in a file, mounted here and then given to the node by kind."""

import os
import pathlib
import shutil
import subprocess

from harness.clusters.embedded.node import DISK_MB
from harness.errors import ClusterError

FILE, MOUNT = "disk.img", "kubelet"


def cannot() -> str:
    """Why there can be none here; empty if there can."""
    if os.geteuid() != 0:
        return "it takes root to mount a disk of its own for the node"
    missing = [program for program in ("mkfs.ext4", "mount", "umount", "truncate") if shutil.which(program) is None]
    return f"programs for a disk of its own are missing: {', '.join(missing)}" if missing else ""


def make(folder: pathlib.Path) -> pathlib.Path:
    """Make the disk below a folder and mount it; where it is then. Raises ClusterError, nothing being left mounted."""
    file, mount = folder / FILE, folder / MOUNT
    mount.mkdir(parents=True, exist_ok=True)
    for argv in (
        ["truncate", "-s", f"{DISK_MB}M", str(file)],
        ["mkfs.ext4", "-q", "-F", "-m", "0", str(file)],
        ["mount", "-o", "loop", str(file), str(mount)],
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise ClusterError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return mount


def remove(folder: pathlib.Path) -> None:
    """Unmount the disk below a folder, if it is there, and remove it; its loop device goes with the mount."""
    mount = folder / MOUNT
    if os.path.ismount(mount):
        done = subprocess.run(["umount", str(mount)], capture_output=True, text=True)
        if done.returncode:
            raise ClusterError(f"umount {mount}: {done.stderr.strip()}; see who uses it, then take the cluster down")
    (folder / FILE).unlink(missing_ok=True)
