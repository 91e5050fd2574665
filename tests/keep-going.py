# SPDX-License-Identifier: MIT
"""keep-going.py ERR WRITE...: is the list in ERR, which snek wrote with --json,
exact?  Reads from standard input what fate counted, {"key":n % 7,"value":...};
the files are the writes, in order.  Prints the codes and how many records are
missing, how many of them without a place."""
import json
import sys


def places(m):
    """The records that an entry names."""
    return [(m["version"], r) for r in range(m["first"], m["last"] + 1)]


def main():
    writes = [[json.loads(line)["n"] for line in open(name)]
              for name in sys.argv[2:]]
    # What a plugin's process prints itself (a sanitizer's report) comes there too.
    lines = [json.loads(line) for line in open(sys.argv[1])
             if line.startswith("{")]
    summary = [line for line in lines if line["kind"] == "summary"][0]
    total = sum(len(w) for w in writes)
    missing, gone, vague = summary["missing"], set(), 0
    for m in missing:
        assert m["shards"] is not None and m["reason"], m
        if not m["exact"]:
            vague += m["records"]
            continue
        assert m["records"] == m["last"] - m["first"] + 1, m
        assert not gone & set(places(m)), m
        gone |= set(places(m))
    assert summary["records_missing"] == len(gone) + vague, summary
    assert summary["records_in"] + len(gone) + vague == total, summary
    got = {}
    for line in sys.stdin:
        pair = json.loads(line)
        got[pair["key"]] = pair["value"]
    want = {}
    for version, write in enumerate(writes, 1):
        for record, n in enumerate(write, 1):
            if (version, record) not in gone:
                want[n % 7] = want.get(n % 7, 0) + 1
    skipped = summary["records_skipped"]
    assert sum(got.values()) == summary["records_in"] - skipped, (got, summary)
    assert vague or skipped or got == want, (got, want)
    print(",".join(sorted({m["code"] for m in missing})), len(gone), vague)


main()
