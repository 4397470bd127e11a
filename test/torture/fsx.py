"""fsx for a file system that cannot be written to: random reads in every way that Linux has, against the known bytes.

fsx.py KNOWN MOUNT OPERATIONS [--processes P] [--threads T] [--seed S]

KNOWN and MOUNT have the same files. The last line of output is {"operation": how often}. Bytes that differ: exit status 1.
"""

import argparse
import collections
import ctypes
import errno
import json
import mmap
import multiprocessing
import os
import random
import sys
import threading

MOST_BYTES = 200_000
PIPE_BYTES = 65_536
PAGE = mmap.PAGESIZE

libc = ctypes.CDLL(None, use_errno=True)
libc.readahead.argtypes = [ctypes.c_int, ctypes.c_longlong, ctypes.c_size_t]
libc.readahead.restype = ctypes.c_ssize_t


class Wrong(Exception):
    pass


class Reader:
    """One thread: its own descriptors of the mount and of the known bytes, its own random numbers."""

    def __init__(self, known, mount, seed):
        self.mount = mount
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.names = sorted(name for name in os.listdir(known) if len(name) == 18)
        self.known = {name: os.open(os.path.join(known, name), os.O_RDONLY) for name in self.names}
        self.sizes = {name: os.fstat(fd).st_size for name, fd in self.known.items()}
        self.files = {name: self.open(name) for name in self.names}

    def open(self, name, flags=0):
        return os.open(os.path.join(self.mount, name), os.O_RDONLY | flags)

    def run(self, operations):
        ways = [way for way, weight in WAYS for _ in range(weight)]
        for _ in range(operations):
            way = self.random.choice(ways)
            self.name = self.random.choice(self.names)
            self.size = self.sizes[self.name]
            self.fd = self.files[self.name]
            # Some of it behind the end.
            self.at = self.random.randrange(self.size + 5000)
            self.length = 1 + self.random.randrange(self.random.choice((100, 5000, MOST_BYTES)))
            self.counts[way(self) or way.__name__] += 1

    def compare(self, got, at=None, length=None):
        at = self.at if at is None else at
        length = self.length if length is None else length
        if bytes(got) == os.pread(self.known[self.name], length, at):
            return
        raise Wrong(f"{len(got)} bytes at {at} (+{length}) of {self.name} ({self.size} bytes) differ")

    # --- ways to read ---

    def pread(self):
        self.compare(os.pread(self.fd, self.length, self.at))

    def preadv(self):
        parts = [bytearray(self.length // 3 + 1), bytearray(7), bytearray(self.length)]
        count = os.preadv(self.fd, parts, self.at)
        self.compare(b"".join(parts)[:count], length=sum(map(len, parts)))

    def read_on(self):
        os.lseek(self.fd, self.at, os.SEEK_SET)
        self.compare(os.read(self.fd, self.length) + os.read(self.fd, 1000), length=self.length + 1000)

    def direct(self):
        at = self.at // PAGE * PAGE
        buffer = mmap.mmap(-1, PAGE * (1 + self.length // PAGE))
        fd = self.open(self.name, os.O_DIRECT)
        try:
            count = os.preadv(fd, [buffer], at)
        finally:
            os.close(fd)
        self.compare(buffer[:count], at, len(buffer))

    def mmap_shared(self):
        self.mapped(mmap.MAP_SHARED)

    def mmap_private(self):
        self.mapped(mmap.MAP_PRIVATE)

    def mapped(self, flags):
        start = min(self.at, self.size - 1) // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        length = min(self.length, self.size - start)
        with mmap.mmap(self.fd, length, flags=flags, prot=mmap.PROT_READ, offset=start) as view:
            if self.random.random() < 0.5:
                view.madvise(self.random.choice((mmap.MADV_WILLNEED, mmap.MADV_RANDOM, mmap.MADV_DONTNEED)))
            self.compare(view[:], start, length)

    def fadvise(self):
        advice = self.random.choice(
            (os.POSIX_FADV_WILLNEED, os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM, os.POSIX_FADV_NORMAL)
        )
        os.posix_fadvise(self.fd, self.at, self.length, advice)
        self.pread()

    def forget(self):
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        self.pread()

    def readahead(self):
        if libc.readahead(self.fd, self.at, self.length) != 0:
            raise OSError(ctypes.get_errno(), "readahead")
        self.pread()

    def splice(self):
        length = min(self.length, PIPE_BYTES)
        self.through_pipe(lambda into: os.splice(self.fd, into, length, offset_src=self.at), length)

    def sendfile(self):
        length = min(self.length, PIPE_BYTES)
        self.through_pipe(lambda into: os.sendfile(into, self.fd, self.at, length), length)

    def through_pipe(self, fill, length):
        """What comes out is the beginning of what was asked for: a pipe that is full takes no more."""
        out, into = os.pipe()
        try:
            count = fill(into)
            got = os.read(out, count) if count > 0 else b""
        finally:
            os.close(out)
            os.close(into)
        if count == 0 and self.at < self.size:
            raise Wrong(f"nothing at {self.at} of {self.name} ({self.size} bytes)")
        self.compare(got, length=min(count, length))

    def copy_file_range(self):
        """Kernels refuse it between file systems: then it must say so, and not copy something else."""
        into = os.memfd_create("copy")
        try:
            count = os.copy_file_range(self.fd, into, self.length, self.at)
            self.compare(os.pread(into, count, 0), length=count)
        except OSError as failure:
            if failure.errno != errno.EXDEV:
                raise
            return "copy_file_range: EXDEV"
        finally:
            os.close(into)

    # --- around it ---

    def reopen(self):
        os.close(self.fd)
        self.fd = self.files[self.name] = self.open(self.name)
        self.pread()

    def stat(self):
        size = os.stat(os.path.join(self.mount, self.name)).st_size
        if size != self.size or os.lseek(self.fd, 0, os.SEEK_END) != size:
            raise Wrong(f"{self.name} is {size} bytes long instead of {self.size}")

    def readdir(self):
        missing = set(self.names) - set(os.listdir(self.mount))
        if missing:
            raise Wrong(f"not listed: {missing}")

    def getxattr(self):
        if os.getxattr(self.fd, "user.platdump.tag").decode() != self.name:
            raise Wrong(f"another tag than {self.name}")

    def no_such(self):
        for flags, expected in ((os.O_RDWR, errno.EACCES), (os.O_RDONLY | os.O_DIRECTORY, errno.ENOTDIR)):
            try:
                os.close(self.open(self.name, flags))
            except OSError as failure:
                if failure.errno == expected:
                    continue
                raise
            raise Wrong(f"{self.name} was opened with {flags}")


WAYS = (
    (Reader.pread, 8),
    (Reader.preadv, 2),
    (Reader.read_on, 2),
    (Reader.direct, 4),
    (Reader.mmap_shared, 2),
    (Reader.mmap_private, 1),
    (Reader.fadvise, 2),
    (Reader.forget, 1),
    (Reader.readahead, 1),
    (Reader.splice, 2),
    (Reader.sendfile, 2),
    (Reader.copy_file_range, 1),
    (Reader.reopen, 2),
    (Reader.stat, 3),
    (Reader.readdir, 1),
    (Reader.getxattr, 2),
    (Reader.no_such, 1),
)


def process(arguments, index, results):
    """Threads of one process share nothing but the page cache, as those of others do."""
    failures = []
    counts = collections.Counter()

    def work(number):
        try:
            reader = Reader(arguments.known, arguments.mount, f"{arguments.seed} {index} {number}")
            reader.run(arguments.operations // (arguments.processes * arguments.threads))
            counts.update(reader.counts)
        except (Wrong, OSError) as failure:
            failures.append(f"seed {arguments.seed}, process {index}, thread {number}: {failure!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(arguments.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((failures, counts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("known")
    parser.add_argument("mount")
    parser.add_argument("operations", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    results = multiprocessing.Queue()
    children = [
        multiprocessing.Process(target=process, args=(arguments, index, results))
        for index in range(arguments.processes)
    ]
    for child in children:
        child.start()
    total = collections.Counter()
    failed = False
    for _ in children:
        failures, counts = results.get()
        total.update(counts)
        for failure in failures:
            failed = True
            print(failure, file=sys.stderr)
    print(json.dumps(total))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
