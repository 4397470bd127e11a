/*
 * Lab model of the PAPR RTAS call "ibm,platform-dump" for QEMU's pseries
 * machine, plus delivery of ready-made RTAS event logs through "event-scan".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nothing here is upstream QEMU: it is a test double for a hypervisor that
 * holds platform dumps.  It is driven from the host by plain files:
 *
 *   $PAPR_DUMP_DIR/0123456789abcdef             one dump; name = 64-bit tag
 *   $PAPR_DUMP_DIR/0123456789abcdef.fault       fault knobs, see below
 *   $PAPR_DUMP_DIR/0123456789abcdef.invalidated what a dump is renamed to
 *   $PAPR_DUMP_DIR/ANY.event                    raw RTAS event (8-byte fixed
 *                                               part + extended log)
 *   $PAPR_DUMP_DIR/ANY.event.delivered          ... after delivery
 *   $PAPR_DUMP_LOG                              one line for each call
 *
 * Without PAPR_DUMP_DIR the RTAS function is not offered to the guest at all.
 *
 * Fault knobs, one a line ('#' starts a comment; numbers may be 0x...):
 *
 *   busy N [OFF]        -2 for N data calls made at offset >= OFF (default 0)
 *   delay CODE N [OFF]  9900..9905 for N data calls at offset >= OFF
 *   eio-at OFF          -1 for ever at offset >= OFF
 *   eio-once-at OFF     -1 once at offset >= OFF (the sequence stays valid)
 *   not-authorized      -9002 for every call on this tag
 *   short               each call returns an odd count, 1025 .. len
 *   zero N [OFF]        status 1 with 0 bytes for N data calls at >= OFF
 *   tail-zero           the last bytes come with status 1, then one more
 *                       call gives status 0 with 0 bytes
 *   rewind-reset [OFF]  once, at offset >= OFF (default: half), forget the
 *                       transfer: the sequence just handed out is answered
 *                       with -1, only a new start (sequence 0) works
 *   no-restart          a start (sequence 0) after the first one answers -1
 *   status CODE N [OFF] any status for N data calls at offset >= OFF
 *   invalidate CODE N   status CODE for the first N invalidations
 *   any-sequence        every sequence handed out since the last start is good,
 *                       not only the last one
 *   forget-next         an answer without data leaves Next_Sequence as it found
 *                       it: the kernel has put 0 there
 *   latency US          each data call of this dump takes that long, in
 *                       microseconds (default: $PAPR_DUMP_LATENCY_US, or 0)
 *
 * A .fault file is read at a start (sequence 0) and whenever it has changed;
 * its counters run on across starts until the file changes.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "exec/cpu-common.h"
#include "exec/memory.h"
#include "hw/ppc/spapr.h"
#include "hw/ppc/spapr_papr_dump.h"

#define ST_COMPLETE             0
#define ST_CONTINUE             1
#define ST_HARDWARE             (-1)
#define ST_PARAMETER            (-3)
#define ST_NOT_AUTHORIZED       (-9002)

#define MIN_BUFFER              1024

typedef struct Knob {
    int32_t status;             /* answered while left > 0 */
    uint64_t left;
    uint64_t from;
} Knob;

typedef struct Dump {
    uint64_t tag;
    int fd;                     /* -1: no transfer under way */
    uint64_t size;
    uint64_t offset;
    uint64_t expected;          /* the one sequence number that continues */
    uint64_t generation;
    bool complete;
    bool started_before;
    uint64_t rng;

    struct stat fault_stat;
    bool fault_known;
    GArray *knobs;              /* Knob */
    Knob zero;
    Knob inval;
    bool eio_set;
    uint64_t eio_at;
    bool not_authorized;
    bool short_reads;
    bool tail_zero;
    bool reset_armed;
    bool reset_half;
    uint64_t reset_at;
    bool no_restart;
    uint64_t latency_us;
    bool any_sequence;
    bool forget_next;
    GHashTable *handed_out;     /* sequence -> offset, both boxed */
} Dump;

static GHashTable *dumps;       /* &tag -> Dump */
static const char *dump_dir;
static FILE *call_log;
static uint64_t default_latency_us;

static void G_GNUC_PRINTF(1, 2) note(const char *fmt, ...)
{
    va_list ap;

    if (!call_log) {
        return;
    }
    fprintf(call_log, "%" PRId64 " ", g_get_real_time());
    va_start(ap, fmt);
    vfprintf(call_log, fmt, ap);
    va_end(ap);
    fputc('\n', call_log);
    fflush(call_log);
}

/* The splitmix64 finaliser: a bijection, so distinct inputs stay distinct. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t sequence_for(const Dump *d)
{
    uint64_t s = mix(mix(d->tag ^ (d->generation << 48)) ^ d->offset);

    return s ? s : 1;           /* 0 means "start" */
}

static void hand_out(Dump *d)
{
    d->expected = sequence_for(d);
    if (d->any_sequence) {
        g_hash_table_insert(d->handed_out,
                            g_memdup2(&d->expected, sizeof(d->expected)),
                            g_memdup2(&d->offset, sizeof(d->offset)));
    }
}

/* Goes to where an earlier sequence of this transfer was handed out. */
static void go_back(Dump *d, uint64_t sequence)
{
    const uint64_t *offset;

    if (!d->any_sequence || d->fd < 0 || !sequence) {
        return;
    }
    offset = g_hash_table_lookup(d->handed_out, &sequence);
    if (offset) {
        d->offset = *offset;
        d->expected = sequence;
        d->complete = false;
    }
}

static char *dump_path(uint64_t tag, const char *suffix)
{
    return g_strdup_printf("%s/%016" PRIx64 "%s", dump_dir, tag, suffix);
}

static void forget_transfer(Dump *d)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    d->fd = -1;
    d->expected = 0;
    d->complete = false;
    if (d->handed_out) {
        g_hash_table_remove_all(d->handed_out);
    }
}

static Dump *dump_of(uint64_t tag)
{
    Dump *d = g_hash_table_lookup(dumps, &tag);

    if (!d) {
        d = g_new0(Dump, 1);
        d->tag = tag;
        d->fd = -1;
        d->rng = tag;
        d->knobs = g_array_new(false, true, sizeof(Knob));
        d->handed_out = g_hash_table_new_full(g_int64_hash, g_int64_equal,
                                              g_free, g_free);
        g_hash_table_insert(dumps, &d->tag, d);
    }
    return d;
}

static uint64_t number(char **words, int i, uint64_t otherwise)
{
    int n = g_strv_length(words);

    return i < n ? (uint64_t)g_ascii_strtoll(words[i], NULL, 0) : otherwise;
}

static void read_faults(Dump *d)
{
    g_autofree char *path = dump_path(d->tag, ".fault");
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    struct stat st = { 0 };
    bool there = stat(path, &st) == 0;
    int i;

    if (d->fault_known && st.st_ino == d->fault_stat.st_ino &&
        st.st_size == d->fault_stat.st_size &&
        st.st_mtim.tv_sec == d->fault_stat.st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == d->fault_stat.st_mtim.tv_nsec) {
        return;
    }
    d->fault_known = true;
    d->fault_stat = st;
    g_array_set_size(d->knobs, 0);
    d->zero = d->inval = (Knob) { 0 };
    d->eio_set = d->not_authorized = d->short_reads = d->tail_zero = false;
    d->reset_armed = d->reset_half = d->no_restart = false;
    d->any_sequence = d->forget_next = false;
    d->latency_us = default_latency_us;
    if (!there || !g_file_get_contents(path, &text, NULL, NULL)) {
        return;
    }
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) w = NULL;
        char *hash = strchr(lines[i], '#');
        Knob k = { 0 };

        if (hash) {
            *hash = 0;
        }
        g_strstrip(lines[i]);
        if (!*lines[i]) {
            continue;
        }
        w = g_strsplit_set(lines[i], " \t", -1);
        if (!strcmp(w[0], "busy")) {
            k.status = RTAS_OUT_BUSY;
            k.left = number(w, 1, 1);
            k.from = number(w, 2, 0);
            g_array_append_val(d->knobs, k);
        } else if (!strcmp(w[0], "delay") || !strcmp(w[0], "status")) {
            k.status = (int32_t)number(w, 1, 9900);
            k.left = number(w, 2, 1);
            k.from = number(w, 3, 0);
            g_array_append_val(d->knobs, k);
        } else if (!strcmp(w[0], "eio-once-at")) {
            k.status = ST_HARDWARE;
            k.left = 1;
            k.from = number(w, 1, 0);
            g_array_append_val(d->knobs, k);
        } else if (!strcmp(w[0], "eio-at")) {
            d->eio_set = true;
            d->eio_at = number(w, 1, 0);
        } else if (!strcmp(w[0], "not-authorized")) {
            d->not_authorized = true;
        } else if (!strcmp(w[0], "short")) {
            d->short_reads = true;
        } else if (!strcmp(w[0], "zero")) {
            d->zero.left = number(w, 1, 1);
            d->zero.from = number(w, 2, 0);
        } else if (!strcmp(w[0], "tail-zero")) {
            d->tail_zero = true;
        } else if (!strcmp(w[0], "rewind-reset")) {
            d->reset_armed = true;
            d->reset_half = !w[1];
            d->reset_at = number(w, 1, 0);
        } else if (!strcmp(w[0], "no-restart")) {
            d->no_restart = true;
        } else if (!strcmp(w[0], "invalidate")) {
            d->inval.status = (int32_t)number(w, 1, ST_HARDWARE);
            d->inval.left = number(w, 2, 1);
        } else if (!strcmp(w[0], "any-sequence")) {
            d->any_sequence = true;
        } else if (!strcmp(w[0], "forget-next")) {
            d->forget_next = true;
        } else if (!strcmp(w[0], "latency")) {
            d->latency_us = number(w, 1, 0);
        } else {
            note("FAULT tag=%016" PRIx64 " unknown knob \"%s\"", d->tag, w[0]);
        }
    }
}

/* Returns false where the platform holds no such dump. */
static bool start_transfer(Dump *d)
{
    g_autofree char *path = dump_path(d->tag, "");
    struct stat st;

    forget_transfer(d);
    d->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        forget_transfer(d);
        return false;
    }
    d->size = st.st_size;
    d->offset = 0;
    d->generation++;
    return true;
}

typedef struct Answer {
    int32_t status;
    uint64_t next;
    uint64_t bytes;
    const char *why;
} Answer;

static Answer invalidate(Dump *d)
{
    g_autofree char *from = dump_path(d->tag, "");
    g_autofree char *to = dump_path(d->tag, ".invalidated");
    Answer a = { .status = ST_COMPLETE, .why = "invalidate" };

    read_faults(d);
    if (d->not_authorized) {
        a.status = ST_NOT_AUTHORIZED;
        a.why = "not-authorized";
        return a;
    }
    if (d->inval.left) {
        d->inval.left--;
        a.status = d->inval.status;
        a.why = "invalidate-fault";
        return a;
    }
    if (!d->complete) {
        a.why = "invalidate-before-complete";
    }
    if (rename(from, to) < 0) {
        if (errno == ENOENT) {
            a.why = "invalidate-unknown-tag";
        } else {
            a.status = ST_HARDWARE;
            a.why = "invalidate-rename-failed";
            return a;
        }
    }
    forget_transfer(d);
    d->started_before = false;
    return a;
}

static Answer more_data(SpaprMachineState *spapr, Dump *d, uint64_t sequence,
                        uint32_t buf, uint32_t len)
{
    Answer a = { .next = sequence, .why = "data" };
    g_autofree uint8_t *bounce = NULL;
    uint64_t left, n, done;
    guint i;

    if (!buf || len < MIN_BUFFER ||
        (uint64_t)buf + len > spapr->rma_size) {
        a.status = ST_PARAMETER;
        a.why = "bad-buffer";
        return a;
    }

    read_faults(d);
    if (d->not_authorized) {
        a.status = ST_NOT_AUTHORIZED;
        a.why = "not-authorized";
        return a;
    }

    go_back(d, sequence);
    /* Busy and delay come first: they must not move a transfer. */
    for (i = 0; i < d->knobs->len; i++) {
        Knob *k = &g_array_index(d->knobs, Knob, i);
        uint64_t at = sequence ? d->offset : 0;

        if (k->left && at >= k->from) {
            k->left--;
            a.status = k->status;
            a.why = "fault";
            if (d->forget_next) {
                a.next = 0;
            }
            return a;
        }
    }

    if (!sequence) {
        if (d->no_restart && d->started_before) {
            a.status = ST_HARDWARE;
            a.why = "no-restart";
            return a;
        }
        if (!start_transfer(d)) {
            a.status = ST_COMPLETE;
            a.next = 0;
            a.why = "unknown-tag";
            return a;
        }
        d->started_before = true;
    } else if (d->fd < 0 || sequence != d->expected || d->complete) {
        a.status = ST_HARDWARE;
        a.why = d->fd < 0 ? "no-transfer" : d->complete ? "after-complete"
                                                        : "stale-sequence";
        return a;
    }

    if (d->eio_set && d->offset >= d->eio_at) {
        a.status = ST_HARDWARE;
        a.why = "eio-at";
        return a;
    }
    if (d->reset_armed && sequence &&
        d->offset >= (d->reset_half ? d->size / 2 : d->reset_at)) {
        d->reset_armed = false;
        forget_transfer(d);
        a.status = ST_HARDWARE;
        a.why = "rewind-reset";
        return a;
    }
    if (d->zero.left && d->offset >= d->zero.from) {
        d->zero.left--;
        hand_out(d);
        a.status = ST_CONTINUE;
        a.next = d->expected;
        a.why = "zero";
        return a;
    }

    left = d->size - d->offset;
    n = MIN(left, len);
    if (d->short_reads && n > MIN_BUFFER + 1) {
        d->rng = mix(d->rng);
        n = (MIN_BUFFER + d->rng % (n - MIN_BUFFER)) | 1;
    }
    bounce = g_malloc(n ? n : 1);
    for (done = 0; done < n; ) {
        ssize_t r = pread(d->fd, bounce + done, n - done, d->offset + done);

        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            a.status = ST_HARDWARE;
            a.why = "host-read-failed";
            return a;
        }
        done += r;
    }
    if (address_space_write(&address_space_memory, ppc64_phys_to_real(buf),
                            MEMTXATTRS_UNSPECIFIED, bounce, n) != MEMTX_OK) {
        a.status = ST_HARDWARE;
        a.why = "guest-write-failed";
        return a;
    }
    d->offset += n;
    d->complete = d->offset == d->size && (!d->tail_zero || n == 0);
    hand_out(d);
    a.status = d->complete ? ST_COMPLETE : ST_CONTINUE;
    a.next = d->expected;
    a.bytes = n;
    return a;
}

/*
 * The guest's processor is away in firmware for that long; the other ones and
 * the devices go on.  Linux makes one RTAS call at a time, so nobody else
 * comes in here meanwhile.
 */
static void stay(const Dump *d, int64_t since_us)
{
    int64_t left = (int64_t)d->latency_us -
                   (g_get_monotonic_time() - since_us);

    if (left > 0) {
        bql_unlock();
        g_usleep(left);
        bql_lock();
    }
}

static void rtas_ibm_platform_dump(PowerPCCPU *cpu, SpaprMachineState *spapr,
                                   uint32_t token, uint32_t nargs,
                                   target_ulong args, uint32_t nret,
                                   target_ulong rets)
{
    uint64_t tag, sequence, at;
    uint32_t buf, len;
    int64_t since = g_get_monotonic_time();
    Answer a;
    Dump *d;

    if (nargs != 6 || nret != 5) {
        note("CALL nargs=%u nret=%u refused", nargs, nret);
        rtas_st(rets, 0, ST_PARAMETER);
        return;
    }
    tag = rtas_ldq(args, 0);
    sequence = rtas_ldq(args, 2);
    buf = rtas_ld(args, 4);
    len = rtas_ld(args, 5);
    d = dump_of(tag);
    at = sequence ? d->offset : 0;

    if (!buf && !len) {
        a = invalidate(d);
    } else {
        a = more_data(spapr, d, sequence, buf, len);
        stay(d, since);
    }

    rtas_st(rets, 0, a.status);
    rtas_st(rets, 1, a.next >> 32);
    rtas_st(rets, 2, a.next);
    rtas_st(rets, 3, a.bytes >> 32);
    rtas_st(rets, 4, a.bytes);
    note("CALL tag=%016" PRIx64 " seq=%016" PRIx64 " buf=%08x len=%u "
         "status=%d next=%016" PRIx64 " bytes=%" PRIu64 " at=%" PRIu64 " %s",
         tag, sequence, buf, len, a.status, a.next, a.bytes, at, a.why);
}

/*
 * "ibm,get-vpd", as far as its user matters: somebody else who needs one of
 * the kernel's work areas while dumps are read.  VPD of two calls: a full
 * buffer of 'v', then "end".
 */
static void rtas_ibm_get_vpd(PowerPCCPU *cpu, SpaprMachineState *spapr,
                             uint32_t token, uint32_t nargs,
                             target_ulong args, uint32_t nret,
                             target_ulong rets)
{
    uint32_t buf, len, sequence;
    g_autofree char *text = NULL;

    if (nargs != 4 || nret != 3) {
        rtas_st(rets, 0, ST_PARAMETER);
        return;
    }
    buf = rtas_ld(args, 1);
    len = rtas_ld(args, 2);
    sequence = rtas_ld(args, 3);
    if (len < 3 || (uint64_t)buf + len > spapr->rma_size) {
        rtas_st(rets, 0, ST_PARAMETER);
        return;
    }
    if (sequence == 1) {
        text = g_strnfill(len, 'v');
    } else {
        text = g_strdup("end");
    }
    len = strlen(text);
    address_space_write(&address_space_memory, ppc64_phys_to_real(buf),
                        MEMTXATTRS_UNSPECIFIED, text, len);
    rtas_st(rets, 0, sequence == 1 ? ST_CONTINUE : ST_COMPLETE);
    rtas_st(rets, 1, sequence + 1);
    rtas_st(rets, 2, len);
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Called at each event-scan: true when an event was handed over (and the
 * status stored), false when there is none.
 */
bool spapr_papr_dump_event_scan(target_ulong args, target_ulong rets)
{
    uint32_t mask = rtas_ld(args, 0);
    uint32_t buf = rtas_ld(args, 2);
    uint32_t len = rtas_ld(args, 3);
    g_autoptr(GPtrArray) names = NULL;
    g_autofree char *path = NULL, *done = NULL, *text = NULL;
    const char *name;
    gsize size;
    GDir *dir;

    if (!dump_dir) {
        return false;
    }
    dir = g_dir_open(dump_dir, 0, NULL);
    if (!dir) {
        return false;
    }
    names = g_ptr_array_new_with_free_func(g_free);
    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".event")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_dir_close(dir);
    if (!names->len) {
        return false;
    }
    g_ptr_array_sort(names, by_name);
    path = g_build_filename(dump_dir, g_ptr_array_index(names, 0), NULL);
    done = g_strconcat(path, ".delivered", NULL);
    if (!g_file_get_contents(path, &text, &size, NULL) || size < 8 ||
        rename(path, done) < 0) {
        return false;
    }
    address_space_write(&address_space_memory, ppc64_phys_to_real(buf),
                        MEMTXATTRS_UNSPECIFIED, text, MIN(size, len));
    rtas_st(rets, 0, RTAS_OUT_SUCCESS);
    note("EVENT %s mask=%08x size=%zu len=%u", path, mask, size, len);
    return true;
}

static void papr_dump_register(void)
{
    const char *log = getenv("PAPR_DUMP_LOG");
    const char *latency = getenv("PAPR_DUMP_LATENCY_US");

    dump_dir = getenv("PAPR_DUMP_DIR");
    if (!dump_dir || !*dump_dir) {
        dump_dir = NULL;
        return;
    }
    if (log && *log) {
        call_log = fopen(log, "ae");
    }
    if (latency) {
        default_latency_us = g_ascii_strtoull(latency, NULL, 0);
    }
    dumps = g_hash_table_new(g_int64_hash, g_int64_equal);
    spapr_rtas_register(RTAS_IBM_PLATFORM_DUMP, "ibm,platform-dump",
                        rtas_ibm_platform_dump);
    spapr_rtas_register(RTAS_IBM_GET_VPD, "ibm,get-vpd", rtas_ibm_get_vpd);
}

type_init(papr_dump_register)
