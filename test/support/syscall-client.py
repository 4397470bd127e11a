"""Performs system calls for a test, one line of JSON for each: {"op": ..., "args": [...]}.

Answers with {"value": ..., "ms": ...} or {"errno": ..., "ms": ...}. Time is taken here, so that neither the start of a
process nor the pipe counts.
"""

import errno
import hashlib
import json
import mmap
import os
import sys
import time

files = {}


def digest(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def open_file(path):
    fd = os.open(path, os.O_RDONLY)
    files[fd] = path
    return fd


def close(fd):
    del files[fd]
    os.close(fd)


def pread(fd, offset, length):
    """As a careful program reads: on until everything is there or the file ends."""
    parts = []
    while length > 0:
        part = os.pread(fd, length, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return digest(b"".join(parts))


def cat(path):
    hasher = hashlib.sha256()
    count = 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while True:
            part = os.read(fd, 131072)
            if not part:
                return {"bytes": count, "sha256": hasher.hexdigest()}
            hasher.update(part)
            count += len(part)
    finally:
        os.close(fd)


def mapped(path, offset, length):
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        with mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ) as view:
            return digest(view[offset : offset + length])
    finally:
        os.close(fd)


def list_long(path):
    """What `ls -l` asks."""
    found = {}
    for name in os.listdir(path):
        found[name] = os.lstat(os.path.join(path, name)).st_size
    return found


OPERATIONS = {
    "open": open_file,
    "close": close,
    "pread": pread,
    "cat": cat,
    "mmap": mapped,
    "stat": lambda path: os.stat(path).st_size,
    "ls": lambda path: sorted(os.listdir(path)),
    "ls -l": list_long,
    "df": lambda path: os.statvfs(path).f_blocks,
    "rm": os.unlink,
    "getxattr": lambda path, name: os.getxattr(path, name).decode(),
    "pid": lambda: os.getpid(),
}

for line in sys.stdin:
    asked = json.loads(line)
    began = time.perf_counter()
    try:
        answer = {"value": OPERATIONS[asked["op"]](*asked["args"])}
    except OSError as failure:
        answer = {"errno": errno.errorcode[failure.errno]}
    answer["ms"] = (time.perf_counter() - began) * 1000
    print(json.dumps(answer), flush=True)
