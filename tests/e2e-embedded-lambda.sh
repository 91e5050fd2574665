#!/bin/sh
# SPDX-License-Identifier: MIT
exec bash "${srcdir:-.}/tests/e2e.sh" embedded lambda
