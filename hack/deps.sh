#!/bin/sh
# Installs the npm packages when they are missing or older than the lock file. Runs with whatever Node is on the machine;
# everything after it uses the Node of node_modules/.bin, which npm run puts first in PATH.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.installed
if [ ! -f "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
  echo "kubelet-ts: installing npm packages (about a minute on a fresh machine)"
  # Not `npm ci`: it demands that the lock file lists the optional binaries of all platforms, and this one lists only those of
  # the platforms it was made for. The versions are the lock file's in both cases.
  npm install --no-save --no-audit --no-fund --loglevel=error
  touch "$stamp"
fi
