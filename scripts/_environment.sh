# Sourced by scripts/run, scripts/test, scripts/check: makes .venv from a hashed lock, once per lock.
# Usage: make_environment run|dev
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONDONTWRITEBYTECODE=

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    echo "$candidate"
    return
  done
  echo "gatehouse: needs Python 3.11 or newer on the PATH (Debian: apt install python3), or PYTHON=/path/to/python" >&2
  return 1
}

make_environment() {
  lock="$root/requirements.lock"
  [ "$1" = dev ] && lock="$root/requirements-dev.lock"
  wanted=$(cksum < "$lock")
  venv="$root/.venv"
  mark="$venv/.installed-$1"
  # The development set contains the run-time set, so either serves `run`.
  if [ "$1" = run ] && [ -f "$venv/.installed-dev" ]; then
    [ "$(cat "$venv/.installed-dev")" = "$(cksum < "$root/requirements-dev.lock")" ] && return
  fi
  [ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && return
  python=$(find_python)
  if [ ! -x "$venv/bin/python" ]; then
    if ! "$python" -m venv "$venv" 2>/dev/null; then
      rm -rf "$venv"
      echo "gatehouse: cannot make a virtual environment; on Debian or Ubuntu: apt install python3-venv" >&2
      exit 1
    fi
  fi
  echo "gatehouse: installing $(basename "$lock") into .venv (once)" >&2
  # The lock is whole, so pip resolves nothing: a release of tomorrow cannot come in through an extra.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary :all: -r "$lock"
  "$venv/bin/python" -m pip --disable-pip-version-check check > /dev/null
  echo "$wanted" > "$mark"
}
