/*
 * How long pages that the kernel caches stay readable after the lockdown level rises.
 *
 * usage: rise FILE LEVEL_FILE
 * Maps FILE and touches all of it, writes "confidentiality" as the level, and watches the pages go. Prints microseconds.
 */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char RAISED[] = "none integrity [confidentiality]\n";
static const long PAUSE_US = 100;
static const long LIMIT_US = 20000000;

static long now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static bool any_cached(char *bytes, size_t size, unsigned char *cached, size_t pages)
{
	if (mincore(bytes, size, cached) != 0)
		fail("mincore");
	for (size_t page = 0; page < pages; page++)
		if (cached[page] & 1)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	size_t page_size = sysconf(_SC_PAGESIZE);
	struct stat st;
	size_t pages;
	char *bytes;
	unsigned char *cached;
	volatile char sum = 0;
	int fd, level;
	long begun;

	if (argc != 3) {
		fprintf(stderr, "usage: rise FILE LEVEL_FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		fail(argv[1]);
	level = open(argv[2], O_WRONLY);
	if (level < 0)
		fail(argv[2]);
	bytes = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		fail("mmap");
	pages = (st.st_size + page_size - 1) / page_size;
	cached = malloc(pages);
	for (size_t page = 0; page < pages; page++)
		sum += bytes[page * page_size];
	if (!any_cached(bytes, st.st_size, cached, pages)) {
		fprintf(stderr, "nothing is cached\n");
		return 1;
	}
	begun = now_us();
	if (pwrite(level, RAISED, strlen(RAISED), 0) < 0)
		fail(argv[2]);
	while (any_cached(bytes, st.st_size, cached, pages)) {
		if (now_us() - begun > LIMIT_US) {
			fprintf(stderr, "pages are still cached\n");
			return 1;
		}
		usleep(PAUSE_US);
	}
	printf("%ld\n", now_us() - begun);
	return 0;
}
