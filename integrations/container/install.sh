#!/bin/sh
# Installs Inspector below FOLDER on a bare Debian 12 or 13 as root: Debian's Python, nmap and certificates, the locked
# Python packages in FOLDER/venv, the command of this work tree, and the user 1000 that runs it.
set -eu
folder=${1:?usage: install.sh FOLDER}
tree=$(cd "$(dirname "$0")/../.." && pwd)
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

apt-get -q update
apt-get -q -y install --no-install-recommends ca-certificates nmap python3 python3-venv
mkdir -p "$folder"
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
# pip outside Debian uses a certificate store of its own: give it the system's, which knows an organisation's own CA.
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
# The locked set lifts a cap of sslyze (see pyproject.toml), so it is installed as it is, not resolved again.
"$pip" install -q --no-deps --require-hashes -r "$tree/requirements.lock"
"$pip" install -q --no-deps --no-build-isolation "$tree"
# What the set-up of a checkout needs and the command does not.
"$pip" uninstall -q -y editables hatchling pathspec setuptools tomlkit trove-classifiers uv
apt-get clean
rm -rf /var/lib/apt/lists/*
id 1000 >/dev/null 2>&1 || useradd --uid 1000 --create-home --shell /usr/sbin/nologin inspector
mkdir -p /work
chown 1000:1000 /work
