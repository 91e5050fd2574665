#!/bin/sh
# SPDX-License-Identifier: MIT
# A stack that got more servers, or another level: its functions see to it.
. "${srcdir:-.}/tests/runtime_api.sh"
exec "$python" "$srcdir/tests/growth.py" "$top/snek-api"
