#!/bin/bash
# Installs the programs that the tests of this module and of smtptest/report run.
set -euo pipefail
cd "$(dirname "$0")"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
missing=()
for program in python3 curl swaks msmtp node npm chromium; do
	command -v "$program" >/dev/null || missing+=("${program/node/nodejs}")
done
if [ "${#missing[@]}" -gt 0 ]; then
	$sudo apt-get update -q
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" libnet-ssleay-perl libauthen-sasl-perl fonts-dejavu-core
fi
npm ci --prefix testdata/node --no-audit --no-fund
