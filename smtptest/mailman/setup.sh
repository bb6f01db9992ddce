#!/bin/bash
# Installs Mailman 3, which the tests of this package run in a folder of their
# own. The system's service is not needed, and not started.
set -euo pipefail
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ ! -x /usr/lib/mailman3/bin/master ]; then
	$sudo apt-get update -q
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends mailman3
fi
