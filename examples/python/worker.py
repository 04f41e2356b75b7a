#!/usr/bin/env python3
"""A long-lived handler: a JSON object a line comes in, a line goes out. Started by
moldau listen --workers json --bootstrap-server B --topic T --group G -- python3 worker.py"""
import json
import sys

for line in sys.stdin:
    record = json.loads(line)
    try:
        n = int(record["value"])
    except (TypeError, ValueError):
        print("dead", record["id"], "not a number", flush=True)
        continue
    print("%s: %d squared is %d" % (record["key"], n, n * n), file=sys.stderr)
    print("ok", record["id"], flush=True)
