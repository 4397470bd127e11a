"""The descriptor store of systemd, as far as the program uses it, where no systemd runs.

descriptor-store.py serve DIR            keeps descriptors until it is ended; prints a line when it listens
descriptor-store.py launch DIR ARGS...   becomes that program, with the descriptors that are kept
DIR/bin/systemd-notify                   what the program calls
"""
import array
import fcntl
import json
import os
import select
import socket
import stat
import sys

NOTIFY = """#!/bin/sh
exec python3 {program} notify {directory} "$@"
"""
SYSTEMCTL = """#!/bin/sh
case "$*" in
*whoami*) echo platdumpfs.service ;;
*list-jobs*) cat {directory}/jobs 2> /dev/null ;;
esac
"""


def send(directory, request, fds=()):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(os.path.join(directory, "store"))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        client.sendmsg([json.dumps(request).encode()], rights)
        return receive(client)


def receive(peer):
    data, ancillary, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(16 * 4))
    fds = array.array("i")
    for level, kind, rights in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(rights[: len(rights) - len(rights) % fds.itemsize])
    return json.loads(data), list(fds)


def is_dead(fd):
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def serve(directory):
    os.makedirs(os.path.join(directory, "bin"))
    for name, text in (("systemd-notify", NOTIFY), ("systemctl", SYSTEMCTL)):
        path = os.path.join(directory, "bin", name)
        with open(path, "w") as script:
            script.write(text.format(program=os.path.abspath(__file__), directory=directory))
        os.chmod(path, stat.S_IRWXU)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(os.path.join(directory, "store"))
    server.listen()
    print("listens", flush=True)
    kept = []
    while True:
        peer, _ = server.accept()
        with peer:
            request, fds = receive(peer)
            if request["do"] == "add":
                kept += [(request["name"], fd) for fd in fds]
            gone = [one for one in kept if is_dead(one[1]) or (request["do"] == "remove" and one[0] == request["name"])]
            for one in gone:
                kept.remove(one)
                os.close(one[1])
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd for _, fd in kept]))]
            peer.sendmsg([json.dumps([name for name, _ in kept]).encode()], rights if kept else [])


def notify(directory, args):
    words = dict(word.lstrip("-").split("=", 1) for word in args)
    if "FDSTORE" in words:
        _, fds = send(directory, {"do": "add", "name": words["fdname"]}, [int(words["fd"])])
    elif "FDSTOREREMOVE" in words:
        send(directory, {"do": "remove", "name": words["FDNAME"]})


def launch(directory, command):
    names, fds = send(directory, {"do": "list"})
    # Out of the way of the numbers that they get.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
    for at, fd in enumerate(high):
        os.dup2(fd, 3 + at, inheritable=True)
    os.closerange(3 + len(high), 256)
    os.environ["PATH"] = os.path.join(directory, "bin") + ":" + os.environ["PATH"]
    os.environ.update(NOTIFY_SOCKET="/nowhere", FDSTORE="2")
    if names:
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
    os.execvp(command[0], command)


if __name__ == "__main__":
    word, directory, *rest = sys.argv[1:]
    if word == "serve":
        serve(directory)
    elif word == "notify":
        notify(directory, rest)
    else:
        launch(directory, rest)
