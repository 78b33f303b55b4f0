#!/usr/bin/env bash
# Installs what is missing, and says what it does: `setup.sh run` for a node and its demo, `setup.sh test` for the tests
# too, `setup.sh bench` for `make bench-dns`, `setup.sh check` for `make check`. It changes nothing that is already there, so
# that a second call takes a second.
set -euo pipefail
cd "$(dirname "$0")/.."
for=${1:-run}

step() { printf 'setup [%s] %s\n' "$1" "$2"; }
need() { printf 'setup: %s\n' "$1" >&2; exit 69; }

command -v cargo >/dev/null || need "Rust is missing: install it with rustup (https://rustup.rs), then try again"

if [ "$for" = check ]; then
  for part in fmt clippy; do
    cargo $part --version >/dev/null 2>&1 || rustup component add ${part/fmt/rustfmt} ||
      need "cargo $part is missing: run 'rustup component add ${part/fmt/rustfmt}'"
  done
  if ! command -v cargo-deny >/dev/null; then
    step 1/1 "cargo-deny (licences, duplicate dependencies): building, some minutes"
    cargo install cargo-deny --locked --quiet --version 0.20.2
  fi
  exit 0
fi

command -v npm >/dev/null || need "Node.js is missing: install version 20 or newer, with npm, then try again"
if [ "$for" = test ] && [ "$(node --print 'parseInt(process.versions.node)')" -lt 20 ]; then
  need "the browser tests need Node.js 20 or newer; this is $(node --version)"
fi

# Debian packages, by the command (or the file) that each brings. Daemons are not in an ordinary user's PATH.
packages=()
PATH=$PATH:/usr/sbin
have() { command -v "$1" >/dev/null || packages+=("$2"); }
has_file() { compgen -G "/usr/lib/*/$1" >/dev/null || packages+=("$2"); }
have ffmpeg ffmpeg
have dig bind9-dnsutils
have cc build-essential
[ "$for" != test ] || { have chromium chromium; have pgrep procps; }
# Other name servers, and their tools: clients, secondaries and peers in tests.
if [ "$for" = test ] || [ "$for" = bench ]; then
  have python3 python3
  have gdnsd gdnsd
  have knotd knot; has_file 'knot/modules-*/geoip.so' knot-module-geoip
  have nsd nsd
  have kdig knot-dnsutils
  have curl curl
  have ldns-verify-zone ldnsutils
fi
[ "$for" != bench ] || { have dnsperf dnsperf; have pdns_server pdns-server
  has_file pdns/libbindbackend.so pdns-backend-bind; has_file pdns/libgeoipbackend.so pdns-backend-geoip; }
if [ ${#packages[@]} -eq 0 ]; then
  step 1/3 "Debian packages: all there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  step 1/3 "Debian packages: installing ${packages[*]} (a minute or two)"
  # A package with a daemon in it starts it, unless this file forbids that; nobody wants a name server run by the way.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
  need "these are missing, and only root may install them: sudo apt-get install ${packages[*]}"
fi

if [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
  step 2/3 "wasm target: there"
else
  step 2/3 "wasm target: installing"
  rustup target add wasm32-unknown-unknown || need "no wasm target: run 'rustup target add wasm32-unknown-unknown'"
fi

# npm leaves a copy of the lock file behind; when that is newer than ours, nothing changed since.
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
  step 3/3 "npm packages (ClickHouse engine, geo data, player): there"
else
  step 3/3 "npm packages (ClickHouse engine, geo data, player): installing, about 700 MB unpacked"
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
