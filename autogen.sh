#!/bin/sh
# SPDX-License-Identifier: MIT
# Make configure from configure.ac, in a checkout from version control.
cd "$(dirname "$0")" && exec autoreconf -fi
