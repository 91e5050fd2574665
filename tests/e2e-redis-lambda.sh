#!/bin/sh
# SPDX-License-Identifier: MIT
# What sanitizers would see here they see in e2e-embedded-lambda.sh.
test -z "${SANITIZE:-}" || test "$SANITIZE" = no ||
    { echo "SKIP: too slow with sanitizers"; exit 77; }
exec bash "${srcdir:-.}/tests/e2e.sh" redis lambda
