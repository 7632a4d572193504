#!/bin/sh
# The night's run on one machine: the whole matrix on the embedded cluster, by `survive nightly`.
# ARGS are further arguments of pytest, quoted as in a shell. Exit code: pytest's where rows did not pass; else 3 where a
# row is slower than the nights before; else 0. (`make` says 2 for each of them: where the code matters, call this.)
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-$root/.venv}
cd "$root" || exit 2

sh scripts/setup.sh "$venv" || exit
"$venv/bin/survive" cluster up || exit
eval "set -- ${ARGS:-}"
code=0
"$venv/bin/survive" nightly --history "${HISTORY:-reports/out/nights.sqlite}" -- \
    suites --cluster embedded --dist load --maxschedchunk 1 -v --reruns 1 --only-rerun '^TooNoisy:' \
    -n "${WORKERS:-4}" "$@" || code=$?
"$venv/bin/survive" cluster down
exit "$code"
