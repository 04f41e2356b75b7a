/* Private to src/conf. */
#ifndef MOLDAU_CONF_INT_H
#define MOLDAU_CONF_INT_H

#include "conf/conf.h"

/* Parses and validates text; on error one sentence is appended to err and out is untouched. */
int conf_value_parse(const struct conf_def *d, struct slice text, struct conf_value *out,
                     struct strbuf *err) MUST_USE;
void conf_value_fini(struct conf_value *v);
static inline struct slice conf_value_slice(const struct conf_value *v)
{
    return slice_of(v->text, v->text_n);
}
/* The value of a topic or group setting without an override. */
void conf_value_fallback(const struct conf *c, const struct conf_def *d, struct conf_value *out);
/* The value of a topic, group or client metrics setting: the last valid override, else the fallback. Returns
 * whether an override was used. c may be NULL for client metrics. */
bool conf_value_effective(const struct conf *c, const struct conf_def *d,
                          const struct conf_override *overrides, size_t n, struct conf_value *out);
/* Java's String.trim. */
struct slice conf_trim(struct slice s);
/* Splits at commas, blanks around items dropped, as Java's split with -1 does; returns the number of items (0
 * for empty text) and calls nothing. items may be NULL to count. */
size_t conf_split(struct slice text, struct slice *items);
/* Java's Double.toString. */
void conf_double_format(double d, char out[40]);
/* PnDTnHnMn.nS to ms; ERR_FORMAT if it is not one or negative. */
int conf_duration_parse(struct slice s, int64_t *ms) MUST_USE;
int conf_int_parse(struct slice s, int64_t min, int64_t max, int64_t *out) MUST_USE;
/* Settings that Kafka treats as one: log.roll.ms and log.roll.hours, ... Returns the members in order, NULL
 * for a setting that stands alone. */
const enum conf_id *conf_family(enum conf_id id, int *n);
/* Recomputes the value in force of one setting. */
void conf_refresh(struct conf *c, enum conf_id id);
struct conf_extra *conf_extra_find(const struct conf *c, struct slice name);
/* The setting behind listener.name.x.NAME or listener.name.x.mechanism.NAME, NULL for other names. */
const struct conf_def *conf_def_prefixed(struct slice name);
/* Checks that concern several settings. */
void conf_check_cross(const struct conf *c, struct strbuf *errors);

#endif
