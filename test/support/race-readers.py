"""Readers in a loop while the lockdown level rises: who was given bytes, and when had they asked?

Usage: race-readers.py direct|cached READERS LEVEL-FILE MOUNTED-FILE CONTENT-FILE

Each reader is a process. `direct` bypasses the page cache: every read reaches the daemon and is answered whole. `cached`
is an ordinary read(2) of a file that is in the page cache. It may be short, when some of its pages were dropped before it
got to them; what it got has to be right. All times are CLOCK_MONOTONIC, which all processes share: a read begins after its
time is taken, the level has changed before its time is taken.

Prints one JSON object; `lateUs` is how long after the change the last successful read began, negative: before it.
"""

import errno
import json
import mmap
import os
import random
import sys
import time

mode, readers, level, path, content_path = sys.argv[1:]
READ_BYTES = 16384
# A reader that is refused goes on for so long: refused once, refused for good.
GO_ON_NS = 150_000_000
LIMIT_NS = 20_000_000_000

with open(content_path, "rb") as file:
    content = file.read()
positions = range(0, len(content) - READ_BYTES, 4096)


def read_until_refused():
    flags = os.O_RDONLY | (os.O_DIRECT if mode == "direct" else 0)
    fd = os.open(path, flags)
    buffer = mmap.mmap(-1, READ_BYTES)
    chance = random.Random(os.getpid())
    last_success, refused_at, errors = 0, None, {}
    count = wrong = 0
    begun = time.monotonic_ns()
    ready = False
    while True:
        offset = chance.choice(positions)
        now = time.monotonic_ns()
        try:
            got = os.preadv(fd, [buffer], offset)
            last_success, refused_at = now, None
            count += 1
            wrong += buffer[:got] != content[offset : offset + got]
            wrong += got == 0 or (mode == "direct" and got < READ_BYTES)
        except OSError as failure:
            name = errno.errorcode[failure.errno]
            errors[name] = errors.get(name, 0) + 1
            refused_at = refused_at or now
        if not ready:
            ready = True
            os.write(1, b"r")
        if refused_at and now - refused_at > GO_ON_NS or now - begun > LIMIT_NS:
            return {"last": last_success, "count": count, "wrong": wrong, "errors": errors}


def start():
    out, into = os.pipe()
    if os.fork() == 0:
        os.dup2(into, 1)
        os.write(1, b"\n" + json.dumps(read_until_refused()).encode())
        os._exit(0)
    os.close(into)
    return out


def read_all(fd):
    text = b""
    while part := os.read(fd, 65536):
        text += part
    return json.loads(text)


if mode == "cached":
    with open(path, "rb") as file:
        file.read()
pipes = [start() for _ in range(int(readers))]
for pipe in pipes:
    os.read(pipe, 1)
time.sleep(random.random() * 0.25)
fd = os.open(level, os.O_WRONLY)
os.pwrite(fd, b"none integrity [confidentiality]\n", 0)
changed = time.monotonic_ns()
results = [read_all(pipe) for pipe in pipes]
print(
    json.dumps(
        {
            "lateUs": max(result["last"] - changed for result in results) / 1000,
            "reads": sum(result["count"] for result in results),
            "wrong": sum(result["wrong"] for result in results),
            "errors": sorted({name for result in results for name in result["errors"]}),
        }
    )
)
