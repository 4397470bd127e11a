"""A file system with one file, "file", that hangs on demand: an open or a write is taken from the kernel and not answered.

Argument: mount point. Prints "mounted". On SIGUSR1 these are answered no more, on SIGUSR2 all are. SIGTERM unmounts.
What is written goes to standard output.
"""
import errno, os, signal, stat, struct, subprocess, sys

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, WRITE, RELEASE, FLUSH, INIT = 1, 2, 3, 4, 14, 16, 18, 25, 26
BATCH_FORGET = 42
ROOT, FILE = 1, 2

mountpoint = sys.argv[1]
length = 0
held = []
hangs = False


def on_hang(*_):
    global hangs
    hangs = True


def on_go_on(*_):
    global hangs
    hangs = False
    while held:
        reply(*held.pop(0))


def reply(unique, error, body=b""):
    try:
        os.write(device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
    except OSError as failure:
        if failure.errno != errno.ENOENT:  # it was interrupted meanwhile
            raise


def finish(*answer):
    held.append(answer) if hangs else reply(*answer)


def attributes(ino):
    mode = stat.S_IFDIR | 0o700 if ino == ROOT else stat.S_IFREG | 0o600
    size = 0 if ino == ROOT else length
    return struct.pack("<QQQQQQIIIIIIIIII", ino, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(opcode, unique, ino, body):
    global length
    if opcode in (FORGET, BATCH_FORGET):
        return
    if opcode == INIT:
        reply(unique, 0, struct.pack("<IIIIHHIIHH", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0).ljust(64, b"\0"))
    elif opcode == LOOKUP and body == b"file\0":
        reply(unique, 0, struct.pack("<QQQQII", FILE, 0, 1, 1, 0, 0) + attributes(FILE))
    elif opcode == LOOKUP:
        reply(unique, errno.ENOENT)
    elif opcode in (GETATTR, SETATTR):
        reply(unique, 0, struct.pack("<QII", 1, 0, 0) + attributes(ino))
    elif opcode == OPEN:
        finish(unique, 0, struct.pack("<QII", 1, 0, 0))
    elif opcode == WRITE:
        size = struct.unpack_from("<I", body, 16)[0]
        length += size
        sys.stdout.buffer.write(body[40 : 40 + size])
        sys.stdout.buffer.flush()
        finish(unique, 0, struct.pack("<II", size, 0))
    elif opcode in (RELEASE, FLUSH):
        reply(unique, 0)
    else:
        reply(unique, errno.ENOSYS)


def unmount(*_):
    subprocess.Popen(["umount", "-l", mountpoint])


signal.signal(signal.SIGUSR1, on_hang)
signal.signal(signal.SIGUSR2, on_go_on)
signal.signal(signal.SIGTERM, unmount)
device = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(device, True)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
subprocess.run(["mount", "-i", "-t", "fuse.hanging", "-o", options, "hanging", mountpoint], check=True, close_fds=False)
os.set_inheritable(device, False)
print("mounted", flush=True)
while True:
    try:
        request = os.read(device, 1 << 20)
    except OSError as failure:
        if failure.errno == errno.ENODEV:
            break
        if failure.errno == errno.ENOENT:
            continue
        raise
    _, opcode, unique, ino = struct.unpack_from("<IIQQ", request)
    answer(opcode, unique, ino, request[40:])
