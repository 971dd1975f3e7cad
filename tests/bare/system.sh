#!/bin/sh
# Runs a command of this work tree on a bare Debian (12, or SUITE) made by debootstrap, with an empty environment.
# Nothing of the machine shines through but its kernel, its network and what leads to its package mirrors: apt's mirror and
# transport settings, the organisation's own CA certificates, and the proxy and index variables listed below.
set -eu

usage() {
    cat >&2 <<'END'
Usage: tests/bare/system.sh [--offline] FOLDER [NAME=VALUE...] COMMAND [ARGUMENT...]

  FOLDER      where the bare system lies: FOLDER/base is made once, FOLDER/run is a fresh copy of it for each call
  COMMAND     run in the copied work tree, for example ./bootstrap demo
  --offline   keep FOLDER/run as the last call left it and give it a loopback interface and no other network

Needs root, debootstrap and unshare. SUITE (bookworm) and MIRROR (the one that apt uses here) can be set.
END
    exit 2
}

offline=no
if [ "${1:-}" = --offline ]; then offline=yes; shift; fi
[ $# -ge 2 ] || usage
case $1 in -*) usage ;; esac
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
tree=$(cd "$(dirname "$0")/../.." && pwd)
suite=${SUITE:-bookworm}
[ "$(id -u)" = 0 ] || { echo "system.sh: only root can make a system" >&2; exit 1; }

# One line per Debian repository that apt uses here: URI, release, component, label.
known_repositories() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(LABEL)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}

# The repositories of the bare system. Of a release that apt does not use here: the mirror alone, which has every release.
repositories() {
    known=$(known_repositories | awk -v suite="$suite" '$2 == suite || index($2, suite "-") == 1 { print $1, $2, $3 }')
    printf '%s\n' "${known:-$mirror $suite main}"
}

make_base() {
    mirror=${MIRROR:-$(known_repositories | awk '$4 == "Debian" { print $1; exit }')}
    [ -n "$mirror" ] || { echo "system.sh: apt knows no mirror of Debian: run apt-get update, or set MIRROR" >&2; exit 1; }
    rm -rf "$folder/base" "$folder/base.new"
    debootstrap --variant=minbase "$suite" "$folder/base.new" "$mirror"
    repositories | sed 's/^/deb /' > "$folder/base.new/etc/apt/sources.list"
    grep -ls '^Acquire::' /etc/apt/apt.conf.d/* | while read -r file; do cp "$file" "$folder/base.new/etc/apt/apt.conf.d/"; done
    # As on a machine that was installed a while ago: apt has no lists and has to read them first.
    rm -rf "$folder"/base.new/var/lib/apt/lists/*
    mv "$folder/base.new" "$folder/base"
}

# A clone, as a newcomer has it, with what was changed here and not committed: no .venv, no output, no cache.
copy_tree() {
    copy="$folder/run/root/inspector"
    git clone -q --no-checkout "$tree" "$copy"
    # shellcheck disable=SC2016
    git -C "$tree" ls-files -z --cached --others --exclude-standard \
        | (cd "$tree" && xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' -) \
        | tar -C "$tree" --null --files-from=- --create | tar -C "$copy" --extract --no-same-owner
    git -C "$copy" reset -q
    # What some tests read from beside the work tree, where it is there.
    if [ -d "$tree/../shared" ]; then
        mkdir "$folder/run/root/shared"
        cp -a "$tree/../shared/." "$folder/run/root/shared/"
    fi
}

copy_way_out() {
    mkdir -p "$folder/run/usr/local/share/ca-certificates"
    find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$folder/run/usr/local/share/ca-certificates/" \;
    cp /etc/hosts /etc/resolv.conf "$folder/run/etc/"
}

if [ "$offline" = no ]; then
    [ -d "$folder/base" ] || make_base
    rm -rf "$folder/run"
    cp -a "$folder/base" "$folder/run"
    copy_way_out
    copy_tree
fi

variables=''
for name in http_proxy https_proxy no_proxy PIP_INDEX_URL UV_DEFAULT_INDEX; do
    value=$(printenv "$name") && variables="$variables $name=$value"
done

# Mounts and processes live in namespaces of their own and end with the command. The system becomes the root of its mount
# namespace, as on a machine of its own: inside a mere chroot Linux refuses the namespaces that some tests make.
namespaces='--mount --pid'
if [ "$offline" = yes ]; then namespaces="$namespaces --net"; fi
# shellcheck disable=SC2016,SC2086
exec unshare $namespaces --fork --kill-child sh -eu -c '
    root=$1 offline=$2
    shift 2
    mount --bind "$root" "$root"
    cd "$root"
    mount -t proc proc proc
    mount --rbind /dev dev
    mount --rbind /sys sys
    if [ "$offline" = yes ]; then ip link set lo up; fi
    pivot_root . mnt
    umount --lazy /mnt
    cd /
    exec env -i "$@"
' - "$folder/run" "$offline" HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin $variables \
    sh -eu -c 'cd /root/inspector && exec env "$@"' - "$@"
