"""readers.py MOUNT COUNT FIRST-TAG DUMPS DAEMON-PID: reads COUNT dumps at once, each by a thread of its own.

Prints the greatest number of handles that the daemon had open meanwhile; fails when a dump is not equal to the
hypervisor's file, when handles exceed 32, or when other users of the kernel's work areas do not get theirs meanwhile.
"""
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

mount, count, first, dumps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3], 16), sys.argv[4]
daemon = int(sys.argv[5])
# 16, and another 16 while threads make no progress, which on a slow machine includes those that just start.
MOST_HANDLES = 32
# Together with those and one for the VPD most of the 64 that the kernel has.
OTHER_HANDLES = 20
# _IOW(0xb2, 0, struct papr_location_code) as powerpc encodes it.
VPD_CREATE_HANDLE = 0x8050B200
wrong = []


def read(tag):
    try:
        with open(f"{mount}/0x{tag:016x}", "rb", buffering=0) as file:
            parts = []
            while part := file.read(65536):
                parts.append(part)
        with open(f"{dumps}/{tag:016x}", "rb") as file:
            if file.read() != b"".join(parts):
                wrong.append(f"{tag:016x} differs")
    except OSError as error:
        wrong.append(f"{tag:016x}: {error}")


def handles():
    """Of the stopped daemon: while it runs, one that closes and one that opens could both be counted."""
    os.kill(daemon, signal.SIGSTOP)
    try:
        while not all(is_stopped(task) for task in os.listdir(f"/proc/{daemon}/task")):
            time.sleep(0.01)
        return sum(is_handle(fd) for fd in os.listdir(f"/proc/{daemon}/fd"))
    finally:
        os.kill(daemon, signal.SIGCONT)


def is_stopped(task):
    try:
        with open(f"/proc/{daemon}/task/{task}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "TZX"
    except (FileNotFoundError, ProcessLookupError):
        return True  # it ended meanwhile


def is_handle(fd):
    return os.readlink(f"/proc/{daemon}/fd/{fd}") == "anon_inode:[papr-platform-dump]"


def read_vpd():
    """Somebody else who needs the kernel's work areas: through /dev/papr-vpd, as papr_vpd of the kernel's tests does."""
    with open("/dev/papr-vpd", "rb", buffering=0) as device:
        vpd = fcntl.ioctl(device, VPD_CREATE_HANDLE, bytearray(80), True)
    try:
        # The hypervisor's: one whole work area, and a little more.
        return os.read(vpd, 65536) == b"v" * 4096 + b"end"
    finally:
        os.close(vpd)


class Others(threading.Thread):
    """A program with twenty handles of its own, and one that reads VPD again and again, beside the daemon."""

    def __init__(self):
        super().__init__()
        self.held = False
        self.vpd_reads = 0
        self.slowest_s = 0.0
        self.stop = threading.Event()

    def run(self):
        here = os.path.dirname(os.path.abspath(__file__))
        tags = [f"5{i:08x}" for i in range(OTHER_HANDLES)]
        holder = subprocess.Popen([sys.executable, f"{here}/hold.py", *tags], stdout=subprocess.PIPE)
        self.held = holder.stdout.readline().strip() == b"held"
        while not self.stop.is_set():
            begun = time.monotonic()
            if not read_vpd():
                wrong.append("the VPD differs")
                break
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            self.vpd_reads += 1
            time.sleep(0.5)
        holder.kill()
        holder.wait()


threads = [threading.Thread(target=read, args=(first + i,)) for i in range(count)]
begun = time.monotonic()
for thread in threads:
    thread.start()
most = 0
others = Others()
while any(thread.is_alive() for thread in threads):
    most = max(most, handles())
    if most >= 4 and others.ident is None:
        others.start()
    time.sleep(1)
took_s = time.monotonic() - begun
others.stop.set()
if others.ident is not None:
    others.join()
print(
    f"{count} dumps in {took_s:.0f} s, {most} handles at most; beside them {OTHER_HANDLES} of another program: "
    f"{others.held}, and VPD read {others.vpd_reads} times, the slowest in {others.slowest_s:.1f} s"
)
for problem in wrong:
    print(problem)
sys.exit(bool(wrong) or not 2 <= most <= MOST_HANDLES or not others.held or others.vpd_reads < 3)
