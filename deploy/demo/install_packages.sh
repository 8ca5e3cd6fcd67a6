#!/bin/sh
# As root: installs the named Debian packages without letting any of them start a daemon of its own.
# Debian asks /usr/sbin/policy-rc.d before a package starts a service; ours says no for this moment only.
set -eu

policy=/usr/sbin/policy-rc.d
aside=/usr/sbin/policy-rc.d.kept-by-drawbridge
mark="drawbridge: for the moment of an installation"

restore() {
    if [ -e "$aside" ]; then
        mv -f "$aside" "$policy"
    elif grep -qs "$mark" "$policy"; then
        rm -f "$policy"
    fi
}

# An earlier run may have been killed before it could put things back.
restore
trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
[ ! -e "$policy" ] || mv "$policy" "$aside"
printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=120 update
apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null
