#!/bin/sh
# The night's run on one machine: the whole matrix, by `survive nightly`, on the embedded cluster, or by CLUSTER=kind on
# one of kind's (KIND_IMAGE: its node image, if not kind's own). ARGS are further arguments of pytest, quoted as in a
# shell. Exit code: pytest's where rows did not pass; else 3 where a row is slower than the nights before; else 0. (`make`
# says 2 for each of them: where the code matters, call this.)
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-$root/.venv}
cluster=${CLUSTER:-embedded}
# Figures of two kinds of cluster are not to be held against each other.
nights=reports/out/nights.sqlite
[ "$cluster" = embedded ] || nights=reports/out/nights-$cluster.sqlite
cd "$root" || exit 2

sh scripts/setup.sh "$venv" || exit
"$venv/bin/survive" cluster up --cluster "$cluster" ${KIND_IMAGE:+--kind-image "$KIND_IMAGE"} || exit
eval "set -- ${ARGS:-}"
code=0
"$venv/bin/survive" nightly --history "${HISTORY:-$nights}" -- \
    suites --cluster "$cluster" --dist load --maxschedchunk 1 -v --reruns 1 --only-rerun '^TooNoisy:' \
    -n "${WORKERS:-4}" "$@" || code=$?
"$venv/bin/survive" cluster down --cluster "$cluster"
exit "$code"
