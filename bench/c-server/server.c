/*
 * What the benchmarks compare with: one file, served from memory by libfuse 3's low-level interface and its own
 * multi-threaded loop, with one writev(2) per read and no copy in between. No FUSE server can do much less.
 *
 * usage: server FILE MOUNTPOINT
 * Mounts at MOUNTPOINT, in the foreground, with the bytes of FILE as "dump". Ends when unmounted.
 */
#define FUSE_USE_VERSION 34

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const fuse_ino_t FILE_INO = 2;
static const char NAME[] = "dump";
static const double FOR_EVER = 1e9;

static char *bytes;
static size_t size;

static int attributes(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_nlink = 1;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0500;
	} else if (ino == FILE_INO) {
		st->st_mode = S_IFREG | 0400;
		st->st_size = size;
	} else {
		return ENOENT;
	}
	return 0;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = FILE_INO, .attr_timeout = FOR_EVER, .entry_timeout = FOR_EVER };

	if (parent != FUSE_ROOT_ID || strcmp(name, NAME) != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attributes(FILE_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int error = attributes(ino, &st);

	(void)fi;
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &st, FOR_EVER);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t length, off_t offset, struct fuse_file_info *fi)
{
	size_t start = (size_t)offset < size ? (size_t)offset : size;

	(void)ino;
	(void)fi;
	fuse_reply_buf(req, bytes + start, length < size - start ? length : size - start);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = lookup,
	.getattr = getattr,
	.open = open_file,
	.read = read_file,
};

/* A copy in memory of its own, so that nothing is read from a file system while serving. */
static void load(const char *path)
{
	struct stat st;
	size_t done = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(path);
		exit(1);
	}
	size = st.st_size;
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	while (done < size) {
		ssize_t count = read(fd, bytes + done, size - done);

		if (count <= 0) {
			perror(path);
			exit(1);
		}
		done += count;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	char *arguments[] = { argv[0], "-o", "fsname=platdumpfs-bench,default_permissions" };
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
	struct fuse_loop_config config = { .clone_fd = 0, .max_idle_threads = 10 };
	struct fuse_session *session;
	int status = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: %s FILE MOUNTPOINT\n", argv[0]);
		return 2;
	}
	load(argv[1]);
	session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	if (session == NULL)
		return 1;
	if (fuse_set_signal_handlers(session) == 0) {
		if (fuse_session_mount(session, argv[2]) == 0) {
			status = fuse_session_loop_mt(session, &config) == 0 ? 0 : 1;
			fuse_session_unmount(session);
		}
		fuse_remove_signal_handlers(session);
	}
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return status;
}
