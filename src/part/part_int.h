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
/* Completes the appends below log->synced_offset. */
void part_release_synced(struct part *p);

/* ---- fault.c ---- */
/* To be told when the log took back what it could not write: those appends are refused. */
void part_no_room(struct part *p, const char *why);
/* To be told of a write that found room after that. */
void part_room_again(struct part *p);

#endif
