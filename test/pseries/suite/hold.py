"""hold.py TAG... : holds a handle of the PAPR device for each tag (hex), says "held", and waits to be killed.

Counts as another program that uses the driver: `hold.py --try TAG` prints the errno of creating a handle instead.
"""
import errno
import fcntl
import os
import struct
import sys
import time

CREATE_HANDLE = 0x8008B206
device = os.open("/dev/papr-platform-dump", os.O_RDONLY)


def create(tag):
    return fcntl.ioctl(device, CREATE_HANDLE, bytearray(struct.pack("=Q", int(tag, 16))), True)


if sys.argv[1] == "--try":
    try:
        create(sys.argv[2])
        print("OK")
    except OSError as error:
        print(errno.errorcode[error.errno])
    sys.exit()
handles = [create(tag) for tag in sys.argv[1:]]
print("held", flush=True)
time.sleep(600)
