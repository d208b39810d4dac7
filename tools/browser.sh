#!/bin/sh
# Prints the browser in which the tests open the report. A missing one is installed where nobody has to be asked:
# with apt-get, as root. Elsewhere it prints nothing, says so in one line, and those tests will be skipped.
#
# EQUIVFAST_BROWSER  (environment) a browser to take instead; nothing is looked for
set -eu

if [ -n "${EQUIVFAST_BROWSER:-}" ]; then
  echo "$EQUIVFAST_BROWSER"
  exit
fi

found() {
  for name in chromium chromium-browser google-chrome; do
    # It has to run: on Ubuntu chromium-browser may only say how to get one.
    if timeout 20 "$name" --version >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  return 1
}

without() {
  echo "tools/browser.sh: no browser, $*; its tests will be skipped" >&2
  exit 0
}

found && exit
command -v apt-get >/dev/null || without "and no apt-get to install one"
[ "$(id -u)" = 0 ] || without "and only root may install one: apt-get install chromium"

echo "no browser: installing chromium with apt-get (a minute)" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
set -- -qq -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=60
{
  timeout 90 apt-get "$@" update && timeout 240 apt-get "$@" install --yes --no-install-recommends chromium
} </dev/null >"$log" 2>&1 || without "apt-get could not install one: $(tail -n 1 "$log")"
found || without "apt-get installed none that runs"
