#!/bin/sh
# Installs what some tests need on Node (tests/acceptance/foundry/package-lock.json), where there is Node 18 or
# newer. Does nothing when it is there already. A machine without Node is none to fail on: those tests skip, and
# the summary of the test run says so.
set -eu
cd "$(dirname "$0")/../tests/acceptance/foundry"
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' 2>/dev/null; then
    echo "There is no Node 18 or newer here: tests of the Foundry module will be skipped." >&2
    exit 0
fi
wanted="$(cat package-lock.json .npmrc | cksum)"
if [ "$(cat node_modules/.stamp 2>/dev/null)" = "$wanted" ]; then exit 0; fi
echo "Installing socket.io-client for the tests …"
if ! npm ci --silent --no-progress; then
    echo "npm could not install it: tests of the Foundry module will be skipped." >&2
    exit 0
fi
echo "$wanted" >node_modules/.stamp
