#!/usr/bin/env bash
# Installs what is missing, and says what it does. `setup.sh run` for a node and its demo, `setup.sh test` for the tests too.
# It changes nothing that is already there, so that a second call takes a second.
set -euo pipefail
cd "$(dirname "$0")/.."
for_tests=$([ "${1:-run}" = test ] && echo yes || echo no)

step() { printf 'setup [%s/3] %s\n' "$1" "$2"; }
need() { printf 'setup: %s\n' "$1" >&2; exit 69; }

command -v cargo >/dev/null || need "Rust is missing: install it with rustup (https://rustup.rs), then try again"
command -v npm >/dev/null || need "Node.js is missing: apt-get install nodejs npm, then try again"

# Debian packages, by the command that each brings.
packages=()
have() { command -v "$1" >/dev/null || packages+=("$2"); }
have ffmpeg ffmpeg
have dig dnsutils
have cc build-essential
[ $for_tests = no ] || have chromium chromium
if [ ${#packages[@]} -eq 0 ]; then
  step 1 "Debian packages: all there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  step 1 "Debian packages: installing ${packages[*]} (a minute or two)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
  need "these are missing, and only root may install them: sudo apt-get install ${packages[*]}"
fi

if rustc --print sysroot | xargs -I{} test -d {}/lib/rustlib/wasm32-unknown-unknown; then
  step 2 "wasm target: there"
else
  step 2 "wasm target: installing"
  rustup target add wasm32-unknown-unknown || need "no wasm target: run 'rustup target add wasm32-unknown-unknown'"
fi

# npm leaves a copy of the lock file behind; when it is newer than ours, nothing changed since.
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
  step 3 "npm packages (ClickHouse engine, geo data, players): there"
else
  step 3 "npm packages (ClickHouse engine, geo data, players): installing, about 700 MB unpacked"
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
