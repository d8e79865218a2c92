#!/usr/bin/env bash
# Install the servers that the tests start. Does nothing for what is there; says what it did.
# System packages come from apt; emulators, whose own pins conflict with ours, get an environment in .servers/.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[2m%s\033[0m\n' "== $*" >&2; }

apt_packages() {
  local missing=()
  command -v redis-server >/dev/null || missing+=(redis-server)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
  command -v java >/dev/null || missing+=(default-jre-headless)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]} with apt"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq >/dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Versions are pinned here: an emulator is part of what the tests mean.
emulators() {
  local wanted="$*" stamp=.servers/emulators/.installed
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  say "installing $wanted into .servers/emulators"
  "${PYTHON:-python3.11}" -m venv .servers/emulators
  .servers/emulators/bin/python -m pip install -q "$@" 2>&1 | grep -v WARNING >&2 || true
  .servers/emulators/bin/python -m pip check >/dev/null
  echo "$wanted" > "$stamp"
}

apt_packages
emulators bqemulator==1.3.0 fakesnow==0.12.1
