/* What stands in a partition's way: failed writes, a full disk, damage, failed reads. docs/FAULTS.md says
 * what a user sees of each.
 *
 * What part_fault says is for good. A full disk and failed reads are not: part_room_again and part_read take
 * back what was said of them. */
#include "part/part_int.h"
#include "base/logline.h"

void part_fault(struct part *p, const char *reason, const char *what, const char *why)
{
    logline(LOG_ERROR, p->log->dir,
            "%s failed (%s); the partition is offline until the broker restarts on a sound disk", what, why);
    p->log->faulted = true;
    part_stop_journal(p);
    p->fenced = reason;
    part_fail_all(p, ERR_KAFKA_STORAGE_ERROR);
    part_fire_watches(p);
}

/* Moves those at or beyond the end of what is written. */
static void take_unwritten(struct part *p, struct list *from, struct list *to)
{
    LIST_FOREACH(n, from)
    {
        struct part_append *a = LIST_ENTRY(n, struct part_append, link);
        if (a->last_offset < p->log->flushed_offset) continue;
        list_remove(n);
        list_push_back(to, n);
    }
}

#define TOLD_NS (60ll * 1000000000)

/* What comes and goes, like the room on a disk that is almost full, is told once a minute. */
static bool may_tell(const struct part *p, int64_t *told_ns)
{
    int64_t now = os_mono_ns(p->home->shard->os);
    if (*told_ns && now - *told_ns < TOLD_NS) return false;
    *told_ns = now;
    return true;
}

void part_no_room(struct part *p, int rc, const char *why)
{
    struct list refused;
    if (!p->full && may_tell(p, &p->full_told_ns)) {
        logline(LOG_ERROR, p->log->dir,
                "no room to write (%s); appends are refused until there is, what is there can be read", why);
        p->full_told = true;
    }
    p->full = rc == ERR_NOFILES ? "no_files" : "disk_full";
    list_init(&refused);
    take_unwritten(p, &p->wait_flush, &refused);
    for (struct list *l = refused.prev; l != &refused; l = l->prev) {
        const struct part_append *a = LIST_ENTRY(l, struct part_append, link);
        if (a->producer_id >= 0)
            producers_go_back(&p->producers, a->producer_id, a->base_offset, &a->producer_was);
    }
    take_unwritten(p, &p->wait_sync, &refused); /* repetitions of those */
    while (!list_empty(&refused))
        part_complete(p, LIST_ENTRY(refused.next, struct part_append, link), ERR_KAFKA_STORAGE_ERROR);
}

void part_room_again(struct part *p)
{
    p->full = NULL;
    if (p->full_told) logline(LOG_INFO, p->log->dir, "there is room again; appends go on");
    p->full_told = false;
}

int part_failed(struct part *p, int rc, const char *what)
{
    if (rc == 0) return 0;
    if (err_passes(rc)) part_no_room(p, rc, os_why());
    else part_fault(p, "write_error", what, os_why());
    return ERR_KAFKA_STORAGE_ERROR;
}

void part_fence(struct part *p, int64_t base_offset, int64_t pos, int64_t offset, const char *what)
{
    if (!log_fence(p->log, base_offset, pos)) return;
    p->fenced = "damaged";
    logline(LOG_ERROR, p->log->dir,
            "damage at position %lld of segment %020lld, offset %lld: %s; reads of it are refused, the rest "
            "of the partition goes on",
            (long long)pos, (long long)base_offset, (long long)offset, what);
}

const char *part_fenced(const struct part *p)
{
    if (p->fenced) return p->fenced;
    return p->full ? p->full : p->read_failed ? "read_error" : NULL;
}

void part_read(struct part *p, int rc, const char *why)
{
    if (rc == ERR_CORRUPT_MESSAGE) {
        const struct log_damage *d = &p->log->damage;
        part_fence(p, d->base_offset, d->pos, d->offset, d->why);
    } else if (rc == ERR_IO && !p->read_failed) {
        if (may_tell(p, &p->read_told_ns)) {
            logline(LOG_ERROR, p->log->dir, "a read failed (%s); the consumer is told, the rest goes on",
                    why);
            p->read_told = true;
        }
        p->read_failed = true;
    } else if (rc == 0 && p->read_failed) {
        if (p->read_told) logline(LOG_INFO, p->log->dir, "reads work again");
        p->read_failed = p->read_told = false;
    }
}
