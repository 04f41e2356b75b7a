"""Planted bugs: name, file, what stands there, what stands there instead, within how many seeds it must be found. The
text must occur exactly once, so a mutant cannot rot unseen."""
MUTANTS = [
    ("fsync-skipped", "src/part/part.c", "y->rc = os_fdatasync(y->os, y->segs[i]->fd);", "y->rc = 0;", 40),
    ("acknowledged-early", "src/part/part.c", "(a->acks_all && p->home->sync == PART_SYNC_ACKS_ALL)", "(a->acks_all && p->home->sync == PART_SYNC_ALWAYS)", 40),
    ("names-not-synced", "src/part/part.c", "if (y->rc == 0 && y->name_made)", "if (y->rc == 0 && y->name_made && y->parent)", 80),
    ("index-not-synced", "src/part/part.c", "for (int i = 0; i < y->sealed_n && y->rc == 0; i++)", "for (int i = 0; i < 0 && y->rc == 0; i++)", 400),
    ("duplicates-not-seen", "src/part/part.c", "rc = producers_check(&p->producers, &h, &dup);", "(void)dup, rc = 0;", 40),
    ("producers-not-replayed", "src/part/part.c", "    o->scan_cb = replay;", "    (void)replay;", 40),
    ("gap-kept", "src/log/recover.c", "x.bases[i] > next && x.bases[i] > o->recovery_point", "x.bases[i] > INT64_MAX - 1", 80),
    ("recovery-point-ahead", "src/api/broker.c", "int64_t v[CP_FILES] = {p->log->synced_offset,", "int64_t v[CP_FILES] = {p->log->flushed_offset,", 400),
    ("metadata-not-synced", "src/api/controller.c", "c->sync_rc = os_fdatasync(", "c->sync_rc = 0 && os_fdatasync(", 80),
    ("clean-mark-left", "src/server/life.c", "r = rc == 0 && d->clean ? os_unlink(os, path) : 0;", "r = 0;", 200),
    ("folder-name-not-synced", "src/os/os_util.c", "        if (rc == 0) rc = fsync_parent(os, p);\n", "        if (rc == 0) rc = 0;\n", 80),
    ("offset-read-off-by-one", "src/log/log.c", "h->last_offset < offset) *pos", "h->last_offset <= offset) *pos", 40),
    ("page-cache-trusted", "src/os/os_util.c", "rc = fd < 0 ? fd : os_settle(x->os, fd);", "rc = fd < 0 ? fd : 0;", 400),
    ("newest-value-dropped", "src/log/clean_batch.c", "if (r->offset < clean_map_get(&f->map, r->key)) return false;", "if (r->offset <= clean_map_get(&f->map, r->key)) return false;", 40),
    ("cleaned-log-not-synced", "src/log/clean.c", "    if (rc == 0) rc = os_fdatasync(c->os, c->fd);\n", "", 200),
    ("metadata-name-not-synced", "src/api/controller_start.c", "    if (rc == 0) rc = os_fsync_dir(zero->shard->os, node->meta_dir); /* its own name */\n", "", 400),
    ("short-write-not-cut", "src/log/log.c", "    return os_ftruncate(l->os, s->fd, s->size);", "    return 0;", 400),
    ("producers-not-taken-back", "src/part/part.c", "        if (a->producer_id >= 0) producers_go_back(", "        if (a->producer_id < -1) producers_go_back(", 80),
    ("refused-change-acknowledged", "src/api/controller.c", "            op->err = ERR_KAFKA_STORAGE_ERROR;\n", "", 80),
    ("unopened-for-good", "src/api/broker.c", "if (u.no_room) timer_set_ms(", "if (!u.no_room) timer_set_ms(", 200),
]
