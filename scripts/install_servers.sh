#!/usr/bin/env bash
# Install the servers that the tests start, and the benchmarks' load tool. Does nothing for what is there; says what it did.
# System packages come from apt; emulators, whose own pins conflict with ours, get an environment in .servers/.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[2m%s\033[0m\n' "== $*" >&2; }

apt_packages() {
  local missing=()
  command -v redis-server >/dev/null || missing+=(redis-server)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
  command -v curl >/dev/null || missing+=(curl)
  command -v java >/dev/null || missing+=(default-jre-headless)
  command -v npm >/dev/null || missing+=(npm)
  command -v wrk >/dev/null || missing+=(wrk)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]} with apt"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq >/dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Versions are pinned here: an emulator is part of what the tests mean. Each has an environment of its own. Feast has the
# clients of its online stores in the versions that our own tests use, where it takes them, so that both meet alike.
emulator() {
  local name="$1"
  shift
  local wanted="$*" folder=".servers/$name"
  [ -f "$folder/.installed" ] && [ "$(cat "$folder/.installed")" = "$wanted" ] && return 0
  say "installing $wanted into $folder"
  "${PYTHON:-python3.11}" -m venv "$folder"
  "$folder/bin/python" -m pip install -q "$@" 2> >(grep -v WARNING >&2)
  "$folder/bin/python" -m pip check >/dev/null
  echo "$wanted" > "$folder/.installed"
}

# Emulators from npm. Their packages bring what they need built: no install script is run.
node_emulator() {
  local name="$1" wanted="$2" folder=".servers/$1"
  [ -f "$folder/.installed" ] && [ "$(cat "$folder/.installed")" = "$wanted" ] && return 0
  say "installing $wanted into $folder"
  mkdir -p "$folder"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$wanted" >&2
  echo "$wanted" > "$folder/.installed"
}

apt_packages
# Side by side: each waits for a network most of the time, and has a folder of its own.
jobs=()
emulator bigquery bqemulator==1.4.0 duckdb==2.0.0 numpy==2.4.0 sqlglot==30.11.0 sqlglotc==30.11.0 & jobs+=($!)
emulator snowflake "fakesnow[server]==0.12.1" "snowflake-connector-python==4.8.1" duckdb==2.0.0 sqlglot==30.22.0 sqlglotc==30.22.0 & jobs+=($!)
emulator feast "feast[duckdb,mysql,postgres,redis]==0.67.0" redis==7.4.1 hiredis==3.5.0 psycopg==3.3.9 psycopg-pool==3.3.3 pymysql==1.2.4 & jobs+=($!)
{
  node_emulator dynamodb dynalite@4.0.0
  node_emulator azurite azurite@3.35.0
} & jobs+=($!)
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done
[ "$failed" = 0 ] || { say "not all servers could be installed"; exit 1; }
# Datastore's emulator comes with the Google Cloud CLI only: it is used where it is.
ls /usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/*.jar >/dev/null 2>&1 || command -v gcloud >/dev/null ||
  say "no Firestore emulator here; tests of Datastore need gcloud and: gcloud components install cloud-firestore-emulator"
