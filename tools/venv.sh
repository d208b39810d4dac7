#!/bin/sh
# Makes the environment: tools/venv.sh [FOLDER [PYTHON]]. Does nothing when the one there is up to date.
#
# FOLDER  default .venv
# PYTHON  an interpreter; without one, an environment that stands keeps its own, a new one takes python3
# TORCH   (environment) another torch than requirements/torch.txt, e.g. TORCH=torch==2.6.0
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${2:-}
stamp=$venv/equivfast.stamp # two lines: the folder it was made in, what is in it
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
  echo "tools/venv.sh: $*" >&2
  exit 1
}
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# An environment that was moved or copied still points at its old place: it does not count as standing.
standing=""
if [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$PWD" ]; then standing=$(version "$venv/bin/python" || true); fi

if [ -n "$python" ] || [ -z "$standing" ]; then
  python=${python:-python3}
  wanted=$(version "$python") || fail "cannot run '$python'; set PYTHON to a Python 3.10 or newer"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed, '$python' is $wanted; set PYTHON to another one"
else
  wanted=$standing
fi
command -v "${CXX:-c++}" >/dev/null || fail "no C++ compiler '${CXX:-c++}'; install g++ or clang++, or set CXX"

torch=${TORCH:-$(grep -v '^#' requirements/torch.txt)}
state="$wanted $torch $(cat pyproject.toml tools/requirements.py tools/venv.sh | cksum)"
if [ -n "$standing" ] && [ "$(sed -n 2p "$stamp")" = "$state" ]; then exit 0; fi

if [ "$standing" != "$wanted" ]; then
  echo "making $venv (Python $wanted)"
  "$python" -m venv --clear "$venv"
fi
printf '%s\nunfinished\n' "$PWD" >"$stamp"
echo "installing $torch and what pyproject.toml names into $venv (a minute or more)"
# pip before 21.3 cannot install a pyproject.toml package in place.
"$venv/bin/python" -m pip install -qq 'pip>=21.3' "$torch"
"$venv/bin/python" tools/requirements.py dev >"$venv/requirements.txt"
"$venv/bin/python" -m pip install -qq "$torch" -r "$venv/requirements.txt"
printf '%s\n%s\n' "$PWD" "$state" >"$stamp"
