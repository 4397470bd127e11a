"""readers.py MOUNT COUNT FIRST-TAG DUMPS DAEMON-PID: reads COUNT dumps at once, each by a thread of its own.

Prints the greatest number of handles that the daemon had open meanwhile; fails when a dump is not equal to the
hypervisor's file, when handles exceed 32, or when another program cannot create a handle meanwhile.
"""
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


threads = [threading.Thread(target=read, args=(first + i,)) for i in range(count)]
for thread in threads:
    thread.start()
most = 0
others = 0
here = os.path.dirname(os.path.abspath(__file__))
while any(thread.is_alive() for thread in threads):
    most = max(most, handles())
    if most >= 4 and others == 0:
        # Somebody else's twenty handles beside ours: the kernel has memory for about 64.
        tags = [f"5{i:08x}" for i in range(20)]
        holder = subprocess.Popen([sys.executable, f"{here}/hold.py", *tags], stdout=subprocess.PIPE)
        said = holder.stdout.readline().strip()
        others = 20 if said == b"held" else -1
        holder.kill()
        holder.wait()
    time.sleep(0.1)
print(f"{most} handles at most, {others} of another program beside them")
for problem in wrong:
    print(problem)
sys.exit(bool(wrong) or most > MOST_HANDLES or most < 2 or others != 20)
