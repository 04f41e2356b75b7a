#include "listen/once.h"
#include "base/hash.h"
#include "base/map.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

#define BUSY_MS 30000 /* another process has the file */

struct once {
    sqlite3 *db;
    sqlite3_stmt *find, *add;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct map open; /* struct open_id, those that are worked on */
};
struct open_id {
    size_t n;
    uint8_t b[];
};

bool once_id(const rd_kafka_message_t *m, const char *by, struct slice *id)
{
    rd_kafka_headers_t *h;
    const void *value;
    size_t n;
    if (strcmp(by, "key") == 0) {
        *id = slice_of(m->key, m->key_len);
        return m->key != NULL;
    }
    if (rd_kafka_message_headers(m, &h) || rd_kafka_header_get_last(h, by, &value, &n) || !value)
        return false;
    *id = slice_of(value, n);
    return true;
}

static bool eq_id(const void *v, const void *k)
{
    const struct open_id *x = v;
    const struct slice *id = k;
    return x->n == id->n && memcmp(x->b, id->p, id->n) == 0;
}

static int failed(struct once *o, struct strbuf *why)
{
    strbuf_printf(why, "the file that remembers what was done: %s", sqlite3_errmsg(o->db));
    return ERR_IO;
}

struct once *once_open(const char *path, struct strbuf *why)
{
    struct once *o = xcalloc(1, sizeof *o);
    int rc = sqlite3_open_v2(path, &o->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                             NULL);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->ended, NULL);
    map_init(&o->open);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(o->db, BUSY_MS);
        rc = sqlite3_exec(
            o->db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE IF NOT EXISTS done (id BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
            NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(o->db, "SELECT 1 FROM done WHERE id = ?", -1, &o->find, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(o->db, "INSERT OR IGNORE INTO done VALUES (?, strftime('%s', 'now'))", -1,
                                &o->add, NULL);
    if (rc == SQLITE_OK) return o;
    strbuf_printf(why, "%s: %s", path, sqlite3_errmsg(o->db));
    once_close(o);
    return NULL;
}

void once_close(struct once *o)
{
    if (!o) return;
    sqlite3_finalize(o->find);
    sqlite3_finalize(o->add);
    sqlite3_close(o->db);
    map_fini(&o->open);
    pthread_cond_destroy(&o->ended);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static bool is_open(const struct once *o, struct slice id)
{
    return map_get(&o->open, hash_bytes(0, id.p, id.n), &id, eq_id) != NULL;
}

/* Under the lock; nobody has it open. */
static int begin(struct once *o, struct slice id, struct strbuf *why)
{
    int rc = 0;
    sqlite3_bind_blob64(o->find, 1, id.n ? (const void *)id.p : "", id.n, SQLITE_STATIC);
    int step = sqlite3_step(o->find);
    if (step == SQLITE_ROW) rc = 1;
    else if (step != SQLITE_DONE) rc = failed(o, why);
    sqlite3_reset(o->find);
    if (rc) return rc;
    struct open_id *x = xmalloc(sizeof *x + id.n);
    x->n = id.n;
    if (id.n) memcpy(x->b, id.p, id.n);
    map_put(&o->open, hash_bytes(0, id.p, id.n), x);
    return 0;
}

int once_begin(struct once *o, struct slice id, struct strbuf *why)
{
    pthread_mutex_lock(&o->lock);
    while (is_open(o, id)) pthread_cond_wait(&o->ended, &o->lock);
    int rc = begin(o, id, why);
    pthread_mutex_unlock(&o->lock);
    return rc;
}

int once_try(struct once *o, struct slice id, struct strbuf *why)
{
    pthread_mutex_lock(&o->lock);
    int rc = is_open(o, id) ? ERR_BUSY : begin(o, id, why);
    pthread_mutex_unlock(&o->lock);
    return rc;
}

int once_end(struct once *o, struct slice id, bool done, struct strbuf *why)
{
    int rc = 0;
    pthread_mutex_lock(&o->lock);
    if (done) {
        sqlite3_bind_blob64(o->add, 1, id.n ? (const void *)id.p : "", id.n, SQLITE_STATIC);
        if (sqlite3_step(o->add) != SQLITE_DONE) rc = failed(o, why);
        sqlite3_reset(o->add);
    }
    free(map_del(&o->open, hash_bytes(0, id.p, id.n), &id, eq_id));
    pthread_cond_broadcast(&o->ended);
    pthread_mutex_unlock(&o->lock);
    return rc;
}
