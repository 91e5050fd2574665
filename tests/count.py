#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same questions answered without snek, a dozen lines each.

usage: count.py words|sections|grep FILE.jsonl   (the form of snek's -o jsonl)
"""
import json
import re
import sys
from collections import Counter

what, name = sys.argv[1:]
records = [json.loads(line) for line in open(name, encoding="utf-8", newline="\n")]


def show(pairs):
    for key, value in pairs:
        print(json.dumps({"key": key, "value": value}, ensure_ascii=False, separators=(",", ":")))


if what == "words":
    count = Counter()
    for r in records:
        text = r.get("description")
        if isinstance(text, str):
            count.update(re.findall(rb"[a-z\x80-\xff]+", text.encode().lower()))
    show((w.decode(), n) for w, n in sorted(count.items()))
elif what == "sections":
    count, size = Counter(), Counter()
    for r in records:
        count[r.get("section")] += 1
        size[r.get("section")] += r.get("installed_size") or 0
    keys = sorted(count, key=lambda k: (k is not None, (k or "").encode()))
    show((k, {"count": count[k], "sum_installed_size": size[k]}) for k in keys)
elif what == "grep":
    for line in open(name, encoding="utf-8", newline="\n"):
        if "scientific" in json.loads(line).get("description", ""):
            sys.stdout.write(line)
