#!/usr/bin/env bash
# Installs what npm does not bring, servers, a browser and promtool, on Debian or Ubuntu, as root. Nothing is started by it.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr ceph-common chromium

# Only promtool of the package: installed, it would start a server.
folder=$(mktemp -d)
(cd "$folder" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb .)
install "$folder/usr/bin/promtool" /usr/local/bin/promtool
rm -r "$folder"
