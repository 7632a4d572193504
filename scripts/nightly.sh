#!/bin/sh
# The night's run on one machine: the whole matrix, its figures kept beside those of the nights before, the trend.
# Exit code: pytest's where rows did not pass; else 3 where a row is slower than the nights before; else 0.
# (`make` says 2 for each of them: where the code matters, call this.)
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-$root/.venv}
out=reports/out
cd "$root" || exit 2

sh scripts/setup.sh "$venv" || exit
"$venv/bin/survive" cluster up || exit
before=$(readlink "$out/latest" 2>/dev/null || true)
failed=0
# shellcheck disable=SC2086
"$venv/bin/python" -m pytest suites --cluster embedded --dist load --maxschedchunk 1 -v -n "${WORKERS:-4}" ${ARGS:-} || failed=$?
slower=0
if [ "$(readlink "$out/latest" 2>/dev/null || true)" = "$before" ]; then
    echo "nightly: no run came to its end, so there is nothing to keep" >&2
    [ "$failed" -ne 0 ] || failed=1
else
    "$venv/bin/survive" history add "${HISTORY:-$out/nights.sqlite}" "$out/latest" --html "$out/trend.html" || slower=$?
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/latest/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
"$venv/bin/survive" cluster down
[ "$failed" -eq 0 ] || exit "$failed"
exit "$slower"
