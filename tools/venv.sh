#!/bin/sh
# Makes .venv what requirements/$1.txt says (run or test). Does nothing when it already is.
#
# Compared by content and not by time, because git sets times as it likes. The folder's path belongs to
# what is compared: the editable install and the scripts in .venv/bin hold it, so a moved clone installs
# again (and everybody calls `.venv/bin/python -m …`, never a script with a path in its first line).
set -eu
cd "$(dirname "$0")/.."
kind="$1"
unset PYTHONHOME PYTHONPATH
PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_REQUIRE_VIRTUALENV=0
export PIP_USER PIP_DISABLE_PIP_VERSION_CHECK PIP_ROOT_USER_ACTION PIP_REQUIRE_VIRTUALENV

state() {
    { pwd -P; cat pyproject.toml requirements/build.in requirements/run.txt
      if [ "$1" = test ]; then cat requirements/test.txt; fi; } | cksum
}
is_done() {
    [ "$(cat ".venv/.$1-stamp" 2>/dev/null)" = "$(state "$1")" ]
}
is_usable() {
    .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if is_usable; then
    if is_done test || { [ "$kind" = run ] && is_done run; }; then exit 0; fi
else
    # 3.15 comes last: PostgreSQL has no wheel for it yet.
    for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            found="$python"
            break
        elif "$python" -c 'import sys; sys.exit(sys.version_info < (3, 15))' 2>/dev/null; then
            found="${found:-$python}"
        fi
    done
    if [ -z "${found:-}" ]; then
        echo "Hubbub needs Python 3.11 or newer, and there is none on PATH: install it, or say where it is" \
            "with: make PYTHON=/path/to/python3.12 …" >&2
        exit 1
    fi
    echo "Making .venv with $("$found" --version) …"
    rm -rf .venv
    if ! "$found" -m venv .venv; then
        rm -rf .venv
        echo "That Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
fi

echo "Installing requirements/$kind.txt into .venv …"
rm -f .venv/.run-stamp .venv/.test-stamp
.venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r "requirements/$kind.txt"
.venv/bin/python -m pip install --quiet --no-build-isolation --no-deps -e .
state "$kind" >".venv/.$kind-stamp"
