/* Records of __consumer_offsets: a key of int16 type and the key's fields, a value of int16 version and the
 * value's fields. Versions as Kafka 4.3 writes them: groups 3, offsets 1 with an expiry and else 3 or 4 (with
 * a topic id). */
#include "grp/grp_int.h"
#include "base/grow.h"
#include "kp/group_metadata_record.h"
#include "kp/legacy_offset_commit_record.h"
#include "kp/offset_commit_record.h"
#include <stdlib.h>

static void add(struct grp_ctx *c, struct grp_group *g, const struct kp_writer *key,
                const struct kp_writer *value)
{
    struct grp_effects *e = c->e;
    grp_write(c, g);
    e->records = grown_z(e->records, e->records_n, &e->records_cap, sizeof *e->records);
    struct slice v = {0};
    if (value) v = arena_slice_dup(&e->arena, kp_writer_slice(value));
    e->records[e->records_n++] = (struct grp_record){arena_slice_dup(&e->arena, kp_writer_slice(key)), v};
}

static void group_key(struct kp_writer *w, const struct grp_group *g)
{
    struct kp_group_metadata_key key;
    kp_group_metadata_key_init(&key);
    key.group = g->id;
    kp_writer_init(w, 64);
    kp_write_i16(w, KP_GROUP_METADATA_KEY_TYPE);
    kp_group_metadata_key_write(w, 0, &key);
}

static void group_add(struct grp_ctx *c, struct grp_group *g, const struct kp_group_metadata_value *value)
{
    struct kp_writer k, v;
    group_key(&k, g);
    kp_writer_init(&v, 256);
    kp_write_i16(&v, 3);
    kp_group_metadata_value_write(&v, 3, value);
    add(c, g, &k, &v);
    g->recorded = true;
    kp_writer_fini(&k);
    kp_writer_fini(&v);
}

void grp_assign(struct grp_group *g, const struct grp_assigned *assigned, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct grp_member *m = grp_member_find(g, assigned[i].member_id);
        if (m) m->assigned = &assigned[i].assignment;
    }
}

void grp_record_group(struct grp_ctx *c, struct grp_group *g, const struct grp_assigned *assigned, size_t n)
{
    struct kp_group_metadata_value value;
    kp_group_metadata_value_init(&value);
    value.protocol_type = g->protocol_type.p ? g->protocol_type : KP_EMPTY;
    value.generation = g->generation;
    value.protocol = g->protocol;
    value.leader = g->leader;
    value.current_state_timestamp = g->state_ms;
    value.members = xcalloc(g->members_n + 1, sizeof *value.members);
    grp_assign(g, assigned, n);
    LIST_FOREACH(l, &g->members)
    {
        struct grp_member *m = LIST_ENTRY(l, struct grp_member, in_group);
        struct kp_group_metadata_value_member_metadata *to = &value.members[value.members_n++];
        const struct grp_protocol *p = grp_protocol_find(m, g->protocol);
        kp_group_metadata_value_member_metadata_init(to);
        to->member_id = m->id;
        to->group_instance_id = m->instance_id;
        to->client_id = m->client_id;
        to->client_host = m->client_host;
        to->rebalance_timeout = m->rebalance_timeout_ms;
        to->session_timeout = m->session_timeout_ms;
        to->subscription = p ? p->metadata : KP_EMPTY;
        to->assignment = !assigned ? m->assignment : m->assigned ? *m->assigned : KP_EMPTY;
        m->assigned = NULL;
    }
    group_add(c, g, &value);
    free(value.members);
}

void grp_record_new_group(struct grp_ctx *c, struct grp_group *g)
{
    struct kp_group_metadata_value value;
    kp_group_metadata_value_init(&value);
    value.protocol_type = KP_EMPTY;
    value.protocol = value.leader = (struct slice){0};
    value.current_state_timestamp = g->state_ms;
    group_add(c, g, &value);
}

void grp_record_group_tombstone(struct grp_ctx *c, struct grp_group *g)
{
    struct kp_writer k;
    group_key(&k, g);
    add(c, g, &k, NULL);
    kp_writer_fini(&k);
}

static void offset_key(struct kp_writer *w, const struct grp_offset *o)
{
    struct kp_offset_commit_key key;
    kp_offset_commit_key_init(&key);
    key.group = o->group->id;
    key.topic = o->topic;
    key.partition = o->partition;
    kp_writer_init(w, 64);
    kp_write_i16(w, KP_OFFSET_COMMIT_KEY_TYPE);
    kp_offset_commit_key_write(w, 0, &key);
}

static struct grp_change *change_add(struct grp_ctx *c, struct grp_offset *o, int64_t producer_id)
{
    struct grp_change *ch = xcalloc(1, sizeof *ch);
    ch->offset = o;
    ch->producer_id = producer_id;
    list_push_back(producer_id < 0 ? &o->changes : &o->txn_changes, &ch->of_offset);
    list_push_back(&c->op->changes, &ch->of_op);
    return ch;
}

void grp_record_offset(struct grp_ctx *c, struct grp_offset *o, const struct grp_offset_value *v,
                       int64_t producer_id)
{
    struct kp_writer k, w;
    struct kp_offset_commit_value value;
    kp_offset_commit_value_init(&value);
    value.offset = v->offset;
    value.leader_epoch = v->leader_epoch;
    value.metadata = v->metadata;
    value.commit_timestamp = v->commit_ms;
    value.expire_timestamp = v->expire_ms;
    value.topic_id = v->topic_id;
    int16_t version = v->expire_ms != -1 ? 1 : 4;
    offset_key(&k, o);
    kp_writer_init(&w, 64);
    kp_write_i16(&w, version);
    kp_offset_commit_value_write(&w, version, &value);
    add(c, o->group, &k, &w);
    kp_writer_fini(&k);
    kp_writer_fini(&w);
    struct grp_change *ch = change_add(c, o, producer_id);
    ch->value = *v;
    ch->value.metadata = grp_own(v->metadata);
    ch->value.order = c->s->offset_order++;
}

void grp_record_offset_tombstone(struct grp_ctx *c, struct grp_offset *o)
{
    struct kp_writer k;
    offset_key(&k, o);
    add(c, o->group, &k, NULL);
    kp_writer_fini(&k);
    change_add(c, o, -1)->tombstone = true;
}

/* ---- reading them back ---- */

static void member_load(struct grp_group *g, const struct kp_group_metadata_value_member_metadata *from)
{
    struct grp_member *m = grp_member_new(g, from->member_id, from->group_instance_id);
    m->client_id = grp_own(from->client_id);
    m->client_host = grp_own(from->client_host);
    /* No member joined with less than a millisecond; a damaged record must not make a timer that is always
     * due. */
    m->session_timeout_ms = from->session_timeout > 0 ? from->session_timeout : 1;
    m->rebalance_timeout_ms = from->rebalance_timeout > 0 ? from->rebalance_timeout : m->session_timeout_ms;
    struct grp_protocol p = {g->protocol.p ? g->protocol : KP_EMPTY, from->subscription};
    grp_replace(&m->assignment, from->assignment);
    grp_member_add(g, m);
    grp_member_protocols(g, m, &p, 1);
}

static int group_load(struct grp_ctx *c, struct slice id, struct slice value, struct arena *a)
{
    struct grp_group *g = grp_find(c->s, id);
    if (!value.p) {
        if (!g) return 0;
        grp_clear_members(c->s, g);
        g->deleted = true;
        grp_maybe_free(c->s, g);
        return 0;
    }
    struct kp_group_metadata_value v;
    struct kp_reader r = kp_reader_of(value);
    int16_t version = kp_read_i16(&r);
    if (r.err || kp_group_metadata_value_read(&r, a, version, &v)) return ERR_FORMAT;
    if (!g) g = grp_create(c, id);
    grp_clear_members(c->s, g);
    g->recorded = true;
    g->generation = v.generation;
    g->state_ms = v.current_state_timestamp;
    g->state = g->previous = v.members_n > 0 ? GRP_STABLE : GRP_EMPTY;
    grp_replace(&g->protocol_type, v.protocol_type.n ? v.protocol_type : (struct slice){0});
    grp_replace(&g->protocol, v.protocol);
    grp_replace(&g->leader, v.leader);
    for (int32_t i = 0; i < v.members_n; i++)
        if (!grp_member_find(g, v.members[i].member_id)) member_load(g, &v.members[i]);
    grp_subscriptions_update(g);
    return 0;
}

static int offset_load(struct grp_ctx *c, struct slice id, struct slice topic, int32_t partition,
                       struct slice value, int64_t producer_id, struct arena *a)
{
    struct grp_group *g = value.p ? grp_find(c->s, id) : grp_find_any(c->s, id);
    if (!value.p) {
        struct grp_offset *o = g ? grp_offset_find(c->s, g, topic, partition) : NULL;
        if (!o) return 0;
        grp_offset_drop(o);
        grp_offset_trim(c->s, o);
        grp_maybe_free(c->s, g);
        return 0;
    }
    struct kp_offset_commit_value v;
    struct kp_reader r = kp_reader_of(value);
    int16_t version = kp_read_i16(&r);
    if (r.err || kp_offset_commit_value_read(&r, a, version, &v)) return ERR_FORMAT;
    if (!g) g = grp_create(c, id);
    g->recorded = true;
    struct grp_offset_value to = {.offset = v.offset,
                                  .leader_epoch = v.leader_epoch,
                                  .metadata = v.metadata,
                                  .commit_ms = v.commit_timestamp,
                                  .expire_ms = v.expire_timestamp,
                                  .topic_id = v.topic_id,
                                  .order = c->s->offset_order++};
    grp_offset_store(c->s, grp_offset_get(c->s, g, topic, partition), producer_id, &to);
    return 0;
}

int grp_load_record(struct grp_ctx *c)
{
    struct arena a;
    struct kp_reader r = kp_reader_of(c->ev->record.key);
    int16_t type = kp_read_i16(&r);
    int rc = r.err ? ERR_FORMAT : 0;
    arena_init(&a);
    if (rc) goto out;
    switch (type) {
    case KP_LEGACY_OFFSET_COMMIT_KEY_TYPE: /* the same fields as type 1 */
    case KP_OFFSET_COMMIT_KEY_TYPE: {
        struct kp_offset_commit_key key;
        rc = kp_offset_commit_key_read(&r, &a, 0, &key);
        if (!rc)
            rc = offset_load(c, key.group, key.topic, key.partition, c->ev->record.value,
                             c->ev->record.producer_id, &a);
        break;
    }
    case KP_GROUP_METADATA_KEY_TYPE: {
        struct kp_group_metadata_key key;
        rc = kp_group_metadata_key_read(&r, &a, 0, &key);
        if (!rc) rc = group_load(c, key.group, c->ev->record.value, &a);
        break;
    }
    default:
        break; /* other kinds of groups */
    }
out:
    arena_fini(&a);
    return rc ? ERR_FORMAT : 0;
}
