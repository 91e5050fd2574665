#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A corpus made to show any dependence on order, cuts or types.

usage: corpus.py RECORDS [SEED] > corpus.jsonl
"""
import json
import random
import sys

n = int(sys.argv[1])
rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
words = ["alpha", "Beta", "gamma", "δέλτα", "naïve", "Größe", "星", "x", "", "a\u0000b", "zulu's"]


def double():
    return rng.choice([1.0, -1.0]) * rng.random() * 10.0 ** rng.randint(-300, 300)


def value():
    return rng.choice([
        lambda: 1, lambda: 1.0, lambda: None, lambda: True, lambda: False,
        lambda: rng.randint(-2**63, 2**63 - 1), lambda: rng.randint(2**63, 2**64 - 1),
        double, lambda: rng.choice(words), lambda: [1, 1.0, None, [rng.choice(words)]],
        lambda: {"b": 1, "a": rng.choice(words)}, lambda: {}, lambda: [],
    ])()


def record(i):
    r = {
        "id": i,
        "group": rng.choice(["g%d" % rng.randint(0, 40), 1, 1.0, None, True, 2**53 + 1, 0.5]),
        "text": " ".join(rng.choice(words) for _ in range(rng.randint(0, 12))),
        "x": double(),
        "n": rng.choice([rng.randint(-10**6, 10**6), rng.random(), None, 1e300, -1e300, 1e-300]),
        "mixed": value(),
        "nested": {"deep": {"er": [value(), {"z": i % 7}]}},
    }
    for _ in range(rng.randint(0, 3)):
        r["drift%d" % rng.randint(0, 2000)] = value()
    for name in rng.sample(sorted(r), rng.randint(0, 2)):
        if name != "id":
            del r[name]
    members = list(r.items())
    if i % 3 == 1:
        members.reverse()
    elif i % 3 == 2:
        rng.shuffle(members)
    return dict(members)


for i in range(n):
    kind = rng.randint(0, 60)
    if kind == 0:
        out = value()
    elif kind == 1:
        out = {}
    elif kind == 2 and i % 100 == 0:
        out = {"wide%d" % k: k for k in range(3000)}
    else:
        out = record(i)
    print(json.dumps(out, ensure_ascii=rng.random() < 0.2))
