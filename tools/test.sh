#!/bin/sh
# Runs the suite: first all but chaos, $1 at a time, then chaos, $2 at a time. What is given after that goes to
# pytest, and then everything it names runs in one go. The churn of R23 takes minutes and next to no processor:
# it runs beside the others, and is told behind them.
#
# A test that failed beside others is tried once more, alone: machines differ in speed by three times, and what
# waits for a clock must not fail because somebody else had the processor. What fails alone has failed. Both runs
# are printed; who sees the same test come back here mends it.
set -u
cd "$(dirname "$0")/.."
workers="$1" chaos_workers="$2"
shift 2
churn=tests/chaos/test_r23_churn.py

tried() {
    at_a_time="$1"
    shift
    .venv/bin/python -m pytest --dist worksteal -n "$at_a_time" "$@"
    status=$?
    [ "$status" = 1 ] || return "$status"
    echo "== What failed beside others is tried again, alone"
    .venv/bin/python -m pytest --last-failed --last-failed-no-failures=none "$@"
}

if [ $# -gt 0 ]; then
    exec .venv/bin/python -m pytest --dist worksteal -n "$workers" "$@"
fi
told="$(mktemp)"
# Without the cache: what the others note there as failed is theirs.
.venv/bin/python -m pytest -p no:cacheprovider "$churn" >"$told" 2>&1 &
beside=$!
trap 'kill "$beside" 2>/dev/null; rm -f "$told"' EXIT
trap 'exit 130' INT TERM
tried "$workers" --ignore=tests/chaos
others=$?
tried "$chaos_workers" tests/chaos --ignore="$churn"
chaos=$?
wait "$beside"
churned=$?
cat "$told"
if [ "$churned" = 1 ]; then
    echo "== What failed beside others is tried again, alone"
    .venv/bin/python -m pytest -p no:cacheprovider "$churn"
    churned=$?
fi
[ "$others" = 0 ] && [ "$chaos" = 0 ] && [ "$churned" = 0 ]
