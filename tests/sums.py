#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check sums against exact arithmetic.

A line a case: "sum mean i12 u34 d0x1p+3 ...", where sum and mean are integers,
hexadecimal doubles or "limit".
"""
import sys
from fractions import Fraction


def nearest(exact):
    try:
        return float(exact).hex()
    except OverflowError:
        return "limit"


def wanted(terms):
    exact = sum(
        (Fraction(float.fromhex(t[1:]) if t[0] == "d" else int(t[1:])) for t in terms),
        Fraction(0),
    )
    if any(t[0] == "d" for t in terms):
        total = nearest(exact)
    else:
        total = str(exact) if -(2**63) <= exact < 2**64 else "limit"
    return total, nearest(exact / len(terms))


def same(got, want):
    if "x" in want:
        return "x" in got and float.fromhex(got) == float.fromhex(want)
    return got == want


bad = cases = 0
for line in sys.stdin:
    total, mean, *terms = line.split()
    want = wanted(terms)
    cases += 1
    if not (same(total, want[0]) and same(mean, want[1])):
        bad += 1
        if bad < 5:
            print("got", total, mean, "want", *want, "of", *terms[:20])
print(cases, "sums checked against exact arithmetic,", bad, "wrong")
sys.exit(bad > 0 or cases == 0)
