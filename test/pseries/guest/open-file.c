/*
 * open-file FILE LEVEL-FILE LEVEL: what somebody keeps who has FILE open when
 * kernel lockdown is raised.  Opens FILE, reads and maps all of it, writes
 * LEVEL to LEVEL-FILE, and then tries everything again until it is refused.
 *
 * Prints a line "WHAT: OUTCOME after N ms" for each way; OUTCOME is an errno,
 * SIGBUS, "empty", or "still there" after 30 s.  Static, for the lab only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 30000

static const char *path;
static int cached, direct;
static size_t size;
static volatile const char *shared, *private;
static sigjmp_buf bus;

static void on_bus(int number)
{
    (void)number;
    siglongjmp(bus, 1);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Each of these returns NULL while the data can still be had. */

static const char *by_pread(void)
{
    char byte;

    return pread(cached, &byte, 1, size / 2) < 0 ? strerrorname_np(errno) : NULL;
}

static const char *by_direct_read(void)
{
    static char block[65536] __attribute__((aligned(65536)));

    return pread(direct, block, sizeof(block), 0) < 0 ? strerrorname_np(errno)
                                                      : NULL;
}

static const char *touch(volatile const char *map)
{
    size_t page = sysconf(_SC_PAGESIZE), at;

    if (sigsetjmp(bus, 1)) {
        return "SIGBUS";
    }
    for (at = 0; at < size; at += page) {
        (void)map[at];
    }
    return NULL;
}

static const char *by_shared_mapping(void)
{
    return touch(shared);
}

static const char *by_private_mapping(void)
{
    return touch(private);
}

static const char *resident(void)
{
    static unsigned char there[65536];
    size_t pages = (size + sysconf(_SC_PAGESIZE) - 1) / sysconf(_SC_PAGESIZE);
    size_t i;

    if (mincore((void *)shared, size, there) < 0) {
        return strerrorname_np(errno);
    }
    for (i = 0; i < pages; i++) {
        if (there[i] & 1) {
            return NULL;
        }
    }
    return "empty";
}

static const char *by_fstat(void)
{
    struct stat st;

    return fstat(cached, &st) < 0 ? strerrorname_np(errno) : NULL;
}

static const char *by_xattr(void)
{
    char text[256];

    return fgetxattr(cached, "user.platdump.name", text, sizeof(text)) < 0
               ? strerrorname_np(errno) : NULL;
}

static const char *by_name(void)
{
    struct stat st;

    return stat(path, &st) < 0 ? strerrorname_np(errno) : NULL;
}

static const char *by_name_xattr(void)
{
    char text[256];

    return getxattr(path, "user.platdump.name", text, sizeof(text)) < 0
               ? strerrorname_np(errno) : NULL;
}

static const char *by_open(void)
{
    int fd = open(path, O_RDONLY);

    if (fd >= 0) {
        close(fd);
        return NULL;
    }
    return strerrorname_np(errno);
}

static const struct {
    const char *what;
    const char *(*lost)(void);
} ways[] = {
    /* Residency before the mappings, whose faults ask for the pages again. */
    { "resident pages", resident },
    { "pread", by_pread },
    { "direct pread", by_direct_read },
    { "shared mapping", by_shared_mapping },
    { "private mapping", by_private_mapping },
    { "fstat", by_fstat },
    { "fgetxattr", by_xattr },
    { "stat", by_name },
    { "getxattr", by_name_xattr },
    { "open", by_open },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void *map(int flags)
{
    void *at = mmap(NULL, size, PROT_READ, flags, cached, 0);

    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return at;
}

static void raise_level(const char *file, const char *level)
{
    int fd = open(file, O_WRONLY);

    if (fd < 0 || write(fd, level, strlen(level)) < 0) {
        perror(file);
        exit(2);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static char buffer[65536];
    const char *outcome[WAYS] = { NULL };
    long at_ms[WAYS] = { 0 }, begun;
    size_t i, left = WAYS;
    struct stat st;

    if (argc != 4) {
        fprintf(stderr, "usage: see the source\n");
        return 2;
    }
    path = argv[1];
    cached = open(path, O_RDONLY);
    direct = open(path, O_RDONLY | O_DIRECT);
    if (cached < 0 || direct < 0 || fstat(cached, &st) < 0) {
        perror(path);
        return 2;
    }
    size = st.st_size;
    while (read(cached, buffer, sizeof(buffer)) > 0) {
    }
    shared = map(MAP_SHARED);
    private = map(MAP_PRIVATE);
    signal(SIGBUS, on_bus);
    for (i = 0; i < WAYS; i++) {
        const char *lost = ways[i].lost();

        if (lost) {
            printf("%s: %s before the level was raised\n", ways[i].what, lost);
            return 1;
        }
    }
    raise_level(argv[2], argv[3]);
    begun = now_ms();
    while (left && now_ms() - begun < LIMIT_MS) {
        for (i = 0; i < WAYS; i++) {
            if (outcome[i] || !(outcome[i] = ways[i].lost())) {
                continue;
            }
            at_ms[i] = now_ms() - begun;
            left--;
        }
        usleep(5000);
    }
    /* What was refused once stays refused. */
    for (i = 0; i < WAYS; i++) {
        if (outcome[i] && !ways[i].lost()) {
            outcome[i] = "there again";
            left++;
        }
    }
    for (i = 0; i < WAYS; i++) {
        printf("%s: %s after %ld ms\n", ways[i].what,
               outcome[i] ? outcome[i] : "still there",
               outcome[i] ? at_ms[i] : (long)LIMIT_MS);
    }
    return left != 0;
}
