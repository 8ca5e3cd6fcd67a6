#!/bin/sh
# Everything that `make demo` or `make test` needs and that is missing: Debian packages, then Python packages.
# usage: deploy/demo/install.sh demo|test
# What is there already is not touched; a second run takes no noticeable time.
set -eu
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

packages="python3 python3-venv python3-dev gcc libc6-dev libldap-dev libsasl2-dev slapd ldap-utils redis-server"
lock=requirements.lock
case "${1:-}" in
    demo) ;;
    test)
        packages="$packages awscli iproute2 xmlsec1 apache2 libapache2-mod-auth-mellon libapache2-mod-shib postgresql-15 chromium fonts-dejavu-core libnss3-tools strace"
        packages="$packages softhsm2 samba-ad-dc samba-ad-provision samba-dsdb-modules ldb-tools"
        lock=requirements-dev.lock
        ;;
    *) fail "say what for: demo or test" ;;
esac

# --- Debian packages ------------------------------------------------------------------------------
is_installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 ||
    fail "this needs Debian or something made of it (no apt-get here); install by hand: $packages"
missing=
for package in $packages; do
    is_installed "$package" || missing="$missing $package"
done
if [ -n "$missing" ]; then
    say "Installing Debian packages:$missing"
    if [ "$(id -u)" = 0 ]; then
        become=
    elif command -v sudo >/dev/null 2>&1; then
        become=sudo
    else
        fail "root is needed once, and there is no sudo; as root: apt-get install$missing"
    fi
    # shellcheck disable=SC2086 # one word per package, and no word where we are root
    $become sh deploy/demo/install_packages.sh $missing
fi

# --- Python packages ------------------------------------------------------------------------------
is_new_enough() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Debian's own comes first: its headers are surely there, and the lock files were made for its version.
python=
for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    if is_new_enough "$candidate"; then
        python=$(command -v "$candidate")
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed; /usr/bin/python3 is $(/usr/bin/python3 --version 2>&1)"

digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# The lock of the tests holds everything of the demo's, in the same versions.
wanted="$PWD $(digest build.lock "$lock")"
for done_before in "$lock" requirements-dev.lock; do
    stamp=".venv/installed-$done_before"
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$PWD $(digest build.lock "$done_before")" ]; then
        exit 0
    fi
done
# A virtual environment knows the folder that it was made in: one that was moved is made anew.
if [ -d .venv ] && { ! .venv/bin/python -c '' 2>/dev/null || ! grep -qsF "$PWD/.venv" .venv/bin/activate; }; then
    rm -rf .venv
fi
say "Installing Python packages of $lock into .venv"
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip() { .venv/bin/python -m pip --disable-pip-version-check -qq "$@"; }
pip install --require-hashes --only-binary :all: -r build.lock
# One package is built here, against Debian's libldap, and only with the build packages just checked.
pip install --require-hashes --no-build-isolation --only-binary :all: --no-binary python-ldap -r "$lock"
printf '%s' "$wanted" >".venv/installed-$lock"
