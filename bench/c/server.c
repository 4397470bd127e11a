/*
 * What the benchmarks compare with: dumps served from memory by libfuse 3's low-level interface and its own
 * multi-threaded loop, with one writev(2) per read and no copy in between. No FUSE server can do much less.
 *
 * usage: server memory FILE MOUNTPOINT
 *            one file, "dump0", with the bytes of FILE
 *        server retrieve COUNT SIZE LATENCY_US MOUNTPOINT
 *            files "dump0", "dump1", ... of SIZE bytes, which simulated firmware delivers: from the first read of a file
 *            on, one thread makes a call for each 4 KiB and copies them into memory; reads wait for it
 *
 * In the foreground. Ends when unmounted.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	CALL_BYTES = 4096,
	PATTERN_BYTES = 65536,
	SECTOR_BYTES = 512,
	FIRST_INO = 2,
	/* Reads that wait keep a thread each: enough for all that the kernel has under way. */
	THREADS = 200,
};

static const size_t NOBODY_WAITS = SIZE_MAX;
/* As long as platdumpfs lets the kernel believe what cannot change. */
static const double VALID_SECONDS = 1;
static const int64_t NS_PER_US = 1000;
/* The longest that a call keeps firmware from others. */
static const int64_t MOST_STAY_NS = 1000000;
/* A sleeper comes back so late: the last stretch is spun away. */
static const int64_t SPIN_NS = 120000;

struct dump {
	char *bytes;
	pthread_mutex_t lock;
	pthread_cond_t grown;
	/* All below are under the lock. */
	bool begun;
	size_t filled;
	/* The earliest end of a read that waits. */
	size_t wanted;
};

static struct dump *dumps;
static size_t count;
static size_t size;
static int64_t latency_ns;
static char pattern[PATTERN_BYTES];
/* When firmware is free again: calls take turns in it, in order of arrival. */
static atomic_int_least64_t booked_until;

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void wait_until(int64_t until)
{
	for (int64_t left = until - now_ns(); left > 0; left = until - now_ns()) {
		struct timespec pause = { .tv_nsec = left - SPIN_NS };

		if (left > SPIN_NS)
			nanosleep(&pause, NULL);
	}
}

/* Returns when the stay begins that was booked. */
static int64_t book(int64_t stay)
{
	int64_t booked = atomic_load(&booked_until);
	int64_t begin;

	do {
		int64_t now = now_ns();

		begin = booked > now ? booked : now;
	} while (!atomic_compare_exchange_weak(&booked_until, &booked, begin + stay));
	return begin;
}

/* One firmware call: the same work as in src/sim, a pattern with the number of each sector. */
static void call_firmware(char *into, size_t offset, size_t length)
{
	int64_t begin = 0;

	if (latency_ns > 0)
		begin = book(latency_ns < MOST_STAY_NS ? latency_ns : MOST_STAY_NS);
	memcpy(into, pattern + offset % PATTERN_BYTES, length);
	for (size_t at = 0; at + sizeof(uint64_t) <= length; at += SECTOR_BYTES) {
		uint64_t stamp = __builtin_bswap64((offset + at) / SECTOR_BYTES);

		memcpy(into + at, &stamp, sizeof stamp);
	}
	if (latency_ns > 0)
		wait_until(begin + latency_ns);
}

static void *retrieve(void *argument)
{
	struct dump *dump = argument;
	size_t offset = 0;

	while (offset < size) {
		size_t length = size - offset < CALL_BYTES ? size - offset : CALL_BYTES;

		call_firmware(dump->bytes + offset, offset, length);
		offset += length;
		pthread_mutex_lock(&dump->lock);
		dump->filled = offset;
		if (offset >= dump->wanted) {
			dump->wanted = NOBODY_WAITS;
			pthread_cond_broadcast(&dump->grown);
		}
		pthread_mutex_unlock(&dump->lock);
	}
	return NULL;
}

static void wait_for(struct dump *dump, size_t end)
{
	pthread_t thread;

	pthread_mutex_lock(&dump->lock);
	if (!dump->begun) {
		dump->begun = true;
		pthread_create(&thread, NULL, retrieve, dump);
		pthread_detach(thread);
	}
	while (dump->filled < end) {
		if (end < dump->wanted)
			dump->wanted = end;
		pthread_cond_wait(&dump->grown, &dump->lock);
	}
	pthread_mutex_unlock(&dump->lock);
}

static struct dump *dump_of(fuse_ino_t ino)
{
	return ino >= FIRST_INO && ino - FIRST_INO < count ? &dumps[ino - FIRST_INO] : NULL;
}

static int attributes(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_nlink = 1;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0500;
	} else if (dump_of(ino) != NULL) {
		st->st_mode = S_IFREG | 0400;
		st->st_size = size;
	} else {
		return ENOENT;
	}
	return 0;
}

/* As in platdumpfs, a size that firmware has not confirmed is asked for each time. */
static double valid_seconds(fuse_ino_t ino)
{
	struct dump *dump = dump_of(ino);
	bool confirmed;

	if (dump == NULL)
		return VALID_SECONDS;
	pthread_mutex_lock(&dump->lock);
	confirmed = dump->filled == size;
	pthread_mutex_unlock(&dump->lock);
	return confirmed ? VALID_SECONDS : 0;
}

static struct fuse_entry_param entry_of(fuse_ino_t ino)
{
	struct fuse_entry_param entry = { .ino = ino, .entry_timeout = VALID_SECONDS };

	entry.attr_timeout = valid_seconds(ino);
	attributes(ino, &entry.attr);
	return entry;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;
	size_t number;
	int length = 0;

	if (parent != FUSE_ROOT_ID || sscanf(name, "dump%zu%n", &number, &length) != 1 || name[length] != '\0' ||
	    number >= count) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry = entry_of(FIRST_INO + number);
	fuse_reply_entry(req, &entry);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int error = attributes(ino, &st);

	(void)fi;
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &st, valid_seconds(ino));
}

static void list(fuse_req_t req, size_t room, off_t offset, bool with_attributes)
{
	char *buffer = malloc(room);
	size_t used = 0;

	for (size_t number = offset; number < count; number++) {
		struct fuse_entry_param entry = entry_of(FIRST_INO + number);
		char name[32];
		size_t needed;

		snprintf(name, sizeof name, "dump%zu", number);
		if (with_attributes)
			needed = fuse_add_direntry_plus(req, buffer + used, room - used, name, &entry, number + 1);
		else
			needed = fuse_add_direntry(req, buffer + used, room - used, name, &entry.attr, number + 1);
		if (needed > room - used)
			break;
		used += needed;
	}
	fuse_reply_buf(req, buffer, used);
	free(buffer);
}

static void readdir_names(fuse_req_t req, fuse_ino_t ino, size_t room, off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	list(req, room, offset, false);
}

static void readdir_plus(fuse_req_t req, fuse_ino_t ino, size_t room, off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	list(req, room, offset, true);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t length, off_t offset, struct fuse_file_info *fi)
{
	struct dump *dump = dump_of(ino);
	size_t start = (size_t)offset < size ? (size_t)offset : size;
	size_t end = length < size - start ? start + length : size;

	(void)fi;
	wait_for(dump, end);
	fuse_reply_buf(req, dump->bytes + start, end - start);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = lookup,
	.getattr = getattr,
	.readdir = readdir_names,
	.readdirplus = readdir_plus,
	.open = open_file,
	.read = read_file,
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Memory that is there: no page fault while serving. */
static void make_dumps(size_t how_many, size_t of_bytes)
{
	count = how_many;
	size = of_bytes;
	dumps = calloc(count, sizeof *dumps);
	for (size_t number = 0; number < count; number++) {
		struct dump *dump = &dumps[number];

		dump->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (dump->bytes == MAP_FAILED)
			fail("mmap");
		dump->wanted = NOBODY_WAITS;
		pthread_mutex_init(&dump->lock, NULL);
		pthread_cond_init(&dump->grown, NULL);
	}
}

static void load(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) != 0)
		fail(path);
	make_dumps(1, st.st_size);
	dumps[0].begun = true;
	while (dumps[0].filled < size) {
		ssize_t got = read(fd, dumps[0].bytes + dumps[0].filled, size - dumps[0].filled);

		if (got <= 0)
			fail(path);
		dumps[0].filled += got;
	}
	close(fd);
}

static int serve(char *program, const char *mountpoint)
{
	char *arguments[] = { program, "-o", "fsname=platdumpfs-bench,default_permissions" };
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	int status = 1;

	fuse_loop_cfg_set_max_threads(config, THREADS);
	if (session == NULL)
		return 1;
	if (fuse_set_signal_handlers(session) == 0) {
		if (fuse_session_mount(session, mountpoint) == 0) {
			status = fuse_session_loop_mt(session, config) == 0 ? 0 : 1;
			fuse_session_unmount(session);
		}
		fuse_remove_signal_handlers(session);
	}
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	fuse_opt_free_args(&args);
	return status;
}

int main(int argc, char **argv)
{
	for (size_t at = 0; at < PATTERN_BYTES; at++)
		pattern[at] = (char)(at * 2654435761u >> 16);
	if (argc == 4 && strcmp(argv[1], "memory") == 0) {
		load(argv[2]);
	} else if (argc == 6 && strcmp(argv[1], "retrieve") == 0) {
		make_dumps(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		latency_ns = strtoll(argv[4], NULL, 10) * NS_PER_US;
	} else {
		fprintf(stderr, "usage: server memory FILE MOUNTPOINT\n"
				"       server retrieve COUNT SIZE LATENCY_US MOUNTPOINT\n");
		return 2;
	}
	return serve(argv[0], argv[argc - 1]);
}
