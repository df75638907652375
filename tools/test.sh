#!/bin/sh
# Runs the suite: all but chaos, $1 at a time, and beside it chaos, $2 at a time; what is given after that goes to
# pytest, and then everything it names runs in one go. Trials of chaos mostly wait for clocks, and the churn of R23
# for minutes: beside the others they take little of their time, and are told behind them. With `after` as third
# word chaos comes when all else is done, for machines on which that is too much at once.
#
# A test that failed beside others is tried once more, alone: machines differ in speed by three times, and what
# waits for a clock must not fail because somebody else had the processor. What fails alone has failed. Both runs
# are printed; who sees the same test come back here mends it.
set -u
cd "$(dirname "$0")/.."
workers="$1" chaos_workers="$2"
shift 2
churn=tests/chaos/test_r23_churn.py

# Each with a memory of its own for what failed: they run at the same time.
suite() {
    kept="$1"
    shift
    .venv/bin/python -m pytest -o cache_dir=".pytest_cache/$kept" "$@"
}

all_but_chaos() { suite others --dist worksteal -n "$workers" --ignore=tests/chaos; }
chaos() { suite chaos --dist worksteal -n "$chaos_workers" tests/chaos --ignore="$churn"; }
churning() { suite churn "$churn"; }

# What failed in one of them, once more, when nothing runs beside it.
alone() {
    kept="$1" status="$2"
    [ "$status" = 1 ] || return "$status"
    echo "== What failed beside others is tried again, alone"
    suite "$kept" --last-failed --last-failed-no-failures=none tests
}

if [ "${1:-}" = after ]; then
    shift
    later=1
else
    later=
fi
if [ $# -gt 0 ]; then
    exec .venv/bin/python -m pytest --dist worksteal -n "$workers" "$@"
fi

told="$(mktemp -d)"
churning >"$told/churn" 2>&1 &
churn_job=$!
if [ -z "$later" ]; then
    chaos >"$told/chaos" 2>&1 &
    chaos_job=$!
else
    chaos_job=
fi
trap 'kill "$churn_job" $chaos_job 2>/dev/null; rm -rf "$told"' EXIT
trap 'exit 130' INT TERM

all_but_chaos
others=$?
if [ -z "$later" ]; then
    wait "$chaos_job"
    in_chaos=$?
    cat "$told/chaos"
else
    chaos
    in_chaos=$?
fi
wait "$churn_job"
in_churn=$?
cat "$told/churn"

alone others "$others"
others=$?
alone chaos "$in_chaos"
in_chaos=$?
alone churn "$in_churn"
in_churn=$?
[ "$others" = 0 ] && [ "$in_chaos" = 0 ] && [ "$in_churn" = 0 ]
