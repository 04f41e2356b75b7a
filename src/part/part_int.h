/* What the sources of a partition share: part.c, sync.c, fault.c. */
#ifndef MOLDAU_PART_INT_H
#define MOLDAU_PART_INT_H

#include "part/part.h"

/* ---- part.c: those who wait ---- */
/* Takes an append out of the list it waits in and calls done. */
void part_complete(struct part *p, struct part_append *a, int err);
/* The same for every append that waits for anything. */
void part_fail_all(struct part *p, int err);
/* Fires the watches that the high watermark has passed; all of them once the partition is on its way out. */
void part_fire_watches(struct part *p);

/* ---- sync.c ---- */
void parts_init_syncs(struct parts *ps);
/* Its directory's name is one that the root has to have on the disk; also when it was there, because a crash
 * may have come before its sync. */
void part_name_in_root(struct part *p);
/* Syncs what is flushed, or queues for it; nothing if a sync runs or there is nothing to sync. */
void part_start_sync(struct part *p);
/* Whether the sync that runs has failed already. Only where the pool is at rest: at a stop. */
bool part_sync_failed(const struct part *p);
/* Completes the appends that are on the disk. */
void part_release_synced(struct part *p);
/* Whether its files' names, and its directory's own, are on the disk. */
bool part_names_synced(const struct part *p);

/* ---- commit.c ---- */
/* For those in wait_sync: by the journal, or by a sync of its own. */
void part_make_durable(struct part *p);
/* Everything below offset is on the disk; that is position pos of the segment seg (-1: not known). */
void part_note_durable(struct part *p, int64_t offset, int64_t seg, int64_t pos);
/* After a sync: whether a half of the journal waits for one more. */
bool part_held_back(struct part *p);
/* What it has in the journal is not needed any more. */
void part_leave_journal(struct part *p);
/* What the journal has may be the only copy. */
void part_stop_journal(struct part *p);
/* Its files were synced, or are of no matter any more: whether it still needs an earlier run's journal. */
void part_pay(struct part *p, bool gone);
/* Asserts its invariants, and its part of p's. */
void part_commit_check(const struct part *p);
void parts_commit_check(const struct parts *ps);
/* At the end of a turn: begins rounds. */
void parts_commit(struct parts *ps);

/* ---- fault.c ---- */
/* To be told when the log took back what it could not write: those appends are refused. */
void part_no_room(struct part *p, int rc, const char *why);
/* To be told of a write that found room after that. */
void part_room_again(struct part *p);

#endif
