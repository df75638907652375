#!/bin/sh
# Writes requirements/run.txt and requirements/test.txt from pyproject.toml; `tools/lock.sh --upgrade`
# takes the newest versions. uv is needed only here, and comes into an environment of its own.
set -eu
cd "$(dirname "$0")/.."
if ! build/lock/bin/python -m uv --version >/dev/null 2>&1; then
    rm -rf build/lock
    .venv/bin/python -m venv build/lock
    build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
fi

compile() {
    build/lock/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
        --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" "$@" \
        pyproject.toml requirements/build.in --extra embedded
}
compile "$@" -o requirements/run.txt
compile "$@" --group dev --constraints requirements/run.txt -o requirements/test.txt
