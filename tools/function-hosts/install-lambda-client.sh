#!/usr/bin/env bash
# Installs AWS's own runtime interface client for the conformance suite, beside the workspace: it compiles native sources
# for a minute (cmake, make, g++), so it is not installed with the rest. Prints what to set.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=node_modules/.cache/lambda-client
mkdir -p "$folder"
echo '{ "private": true, "allowScripts": { "aws-lambda-ric": true } }' >"$folder/package.json"
npm install --prefix "$folder" --no-audit --no-fund aws-lambda-ric@4.0.2 >&2
echo "OMS_SYNC_LAMBDA_CLIENT=$PWD/$folder/node_modules/aws-lambda-ric/index.mjs"
