#!/bin/sh
# SPDX-License-Identifier: MIT
case ${SANITIZE:-} in
*thread*) echo "SKIP: the processes have one thread each; the other suites watch the rest"; exit 77 ;;
esac
exec bash "${srcdir:-.}/tests/e2e.sh" redis processes
