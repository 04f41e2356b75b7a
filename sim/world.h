/* A whole world in one thread: machines with disks, brokers on them, a network, clients. Everything that
 * could differ between two runs (time, order, entropy, faults) is drawn from one seed, so a run can be had
 * again.
 *
 * The brokers are the real ones: net, api, part, log, grp, ctl, unmodified. Only src/os/linux.c is replaced,
 * by sim/os_sim.c (loops, sockets, pool), sim/disk.c (files) and sim/world.c (events). */
#ifndef MOLDAU_SIM_WORLD_H
#define MOLDAU_SIM_WORLD_H

#include "base/prng.h"
#include "base/strbuf.h"
#include "os/os.h"
#include "server/life.h"

#include <setjmp.h>

#define SIM_MS 1000000ll
#define SIM_S (1000 * SIM_MS)

/* ---- events ---- */
struct event {
    int64_t at_ns;
    uint64_t seq;
    void (*run)(void *arg, uint64_t tag);
    void *arg;
    uint64_t tag;
};

/* What may go wrong, as chances in a million for each call. */
struct faults {
    uint32_t cold_read;  /* a read outside the page cache */
    uint32_t sync_error; /* EIO from fdatasync; what was dirty is lost, as in Linux */
    uint32_t write_error;
    uint32_t read_error;
    uint32_t short_disk; /* ENOSPC */
    uint32_t drop_conn;  /* a connection breaks at a send */
};

struct machine;
struct world {
    uint64_t seed;
    struct prng prng;
    int64_t now_ns;
    int64_t wall_offset_ms;
    uint64_t trace; /* hash of everything that happened */
    uint64_t steps;
    struct event *heap;
    size_t heap_n, heap_cap;
    uint64_t seq;
    struct faults faults;
    uint64_t sync_errors;    /* so far */
    int64_t full_until_ns;   /* the disk has no room at all until then */
    struct machine *machine; /* whose code runs */
    jmp_buf exit_to;         /* where a broker's os_exit leads */
    bool may_exit;
    void (*line)(const char *p, size_t n); /* sees every line of the log */
    bool verbose;
    bool failed;
    char failure[400];
};
extern struct world world;

void world_init(uint64_t seed);
void world_at(int64_t at_ns, void (*run)(void *arg, uint64_t tag), void *arg, uint64_t tag);
/* One event or one turn of a loop. False when nothing is left to do. */
bool world_step(void);
uint64_t world_below(uint64_t n);
bool world_chance(uint32_t in_a_million);
void world_trace(uint64_t a, uint64_t b);
/* The run is lost: says why, once. */
void world_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- disks ---- */
struct disk;
struct disk *disk_new(void);
/* Power loss: every write and every name that was not synced survives whole, in part, or not at all. */
void disk_lose_power(struct disk *d);
/* All files of a process are closed. */
void disk_close_all(struct disk *d);
int64_t disk_bytes(const struct disk *d);
/* Damage, on the platter and in the page cache. */
struct inode;
struct damage {
    struct inode *file;
    char path[200];
    int64_t pos;
    int bit;
};
enum flip_where {
    FLIP_ANY,
    FLIP_LOG,    /* of a batch, where its checksum covers it */
    FLIP_SEALED, /* the same, not in the last file */
    FLIP_OLD,    /* the same, with many batches behind it */
    FLIP_TEXT,   /* so that it is no text any more */
};
/* A bit of one of the files in folders of that name (NULL: in any) with this suffix. False: there is none. */
bool disk_flip(struct disk *d, const char *folder, const char *suffix, enum flip_where where,
               struct damage *out);
void disk_flip_back(const struct damage *x);
/* One of those files is gone. */
bool disk_lose_file(struct disk *d, const char *folder, const char *suffix, bool first_too,
                    struct damage *out);

/* ---- machines ---- */
struct machine {
    struct disk *disk;
    struct server *run; /* the broker process; NULL: down */
    struct os **loops;
    int loops_n;
    uint64_t life; /* grows with every start; events of an earlier life are dropped */
    char why[300]; /* the last start that failed */
};
struct machine *machine_new(void);
/* True if it came up. */
bool machine_start(struct machine *m, const struct conf *conf);
/* SIGTERM: the broker goes down in its own time. */
void machine_stop(struct machine *m);
/* kill -9, or the power fails. */
void machine_kill(struct machine *m, bool power);
struct os *sim_os_new(struct machine *m, int id);

/* ---- network, the clients' end ---- */
struct wire;
struct wire_client {
    void (*data)(void *arg, const uint8_t *p, size_t n);
    void (*closed)(void *arg);
    void *arg;
};
/* NULL: refused. */
struct wire *wire_connect(struct machine *m, uint16_t port, const struct wire_client *c);
void wire_send(struct wire *x, const void *p, size_t n);
/* The client is not called again. */
void wire_close(struct wire *x);
void wires_cut(struct machine *m);
/* Every connection breaks; the broker goes on. */
void wires_cut_clients(struct machine *m);

#endif
