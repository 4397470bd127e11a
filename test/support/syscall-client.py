"""Performs system calls for a test, one line of JSON for each: {"op": ..., "args": [...]}.

Answers with {"value": ..., "ms": ...} or {"errno": ..., "ms": ...}. Time is taken here, so that neither the start of a
process nor the pipe counts.
"""

import ctypes
import errno
import hashlib
import json
import mmap
import os
import struct
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


libc = ctypes.CDLL(None, use_errno=True)
libc.getdents64.restype = ctypes.c_ssize_t


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def open_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    files[fd] = path
    return fd


def entries_at(fd, offset, size):
    """One getdents64(2) of `size` bytes, from an offset that an earlier one gave."""
    os.lseek(fd, offset, os.SEEK_SET)
    buffer = ctypes.create_string_buffer(size)
    length = checked(libc.getdents64(fd, buffer, ctypes.c_size_t(size)))
    found = []
    at = 0
    while at < length:
        ino, behind, record = struct.unpack_from("QqH", buffer, at)
        name = buffer.raw[at + 19 : at + record].split(b"\0")[0].decode()
        found.append({"name": name, "offset": behind, "ino": ino})
        at += record
    return found


class FileHandle(ctypes.Structure):
    """struct file_handle of open_by_handle_at(2)."""

    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("value", ctypes.c_ubyte * 128)]


def handle_of(path):
    handle = FileHandle(bytes=128)
    mount_id = ctypes.c_int()
    checked(libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount_id), 0))
    return {"type": handle.type, "value": bytes(handle.value[: handle.bytes]).hex()}


def cat_handle(directory, handle):
    value = bytes.fromhex(handle["value"])
    wanted = FileHandle(len(value), handle["type"], (ctypes.c_ubyte * 128)(*value))
    fd = checked(libc.open_by_handle_at(directory, ctypes.byref(wanted), os.O_RDONLY))
    try:
        return pread(fd, 0, os.fstat(fd).st_size)
    finally:
        os.close(fd)


OPERATIONS = {
    "open": open_file,
    "close": close,
    "pread": pread,
    "cat": cat,
    "mmap": mapped,
    "stat": lambda path: os.stat(path).st_size,
    "ls": lambda path: sorted(os.listdir(path)),
    "ls -l": list_long,
    "opendir": open_directory,
    "entries at": entries_at,
    "handle of": handle_of,
    "cat handle": cat_handle,
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
