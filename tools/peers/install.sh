#!/usr/bin/env bash
# Installs the servers, and the browser, that npm does not bring, on Debian or Ubuntu, as root. Nothing is started by it.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
# Debian's packages start their servers, unless this says no; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm "$policy"' EXIT
fi
# Debian's postgresql would make a database and start it; the tests make their own.
config=/etc/postgresql-common/createcluster.conf
if [[ ! -e $config ]]; then
  mkdir -p "${config%/*}"
  echo 'create_main_cluster = false' >"$config"
fi
apt-get install --yes --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr ceph-common chromium postgresql rabbitmq-server kcat \
  mariadb-server-core mariadb-client-core # Not mariadb-server, which would start one.

# Of Prometheus only its checker: the package would start a server.
folder=$(mktemp -d)
(cd "$folder" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb .)
install "$folder/usr/bin/promtool" /usr/local/bin/
rm -r "$folder"
