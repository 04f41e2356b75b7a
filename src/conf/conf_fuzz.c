/* Any bytes as a properties file, then as values of every kind of setting. */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look_cb(void *ctx, const struct conf_entry *e)
{
    *(size_t *)ctx += (size_t)e->synonyms_n;
    ASSERT(!(e->sensitive && e->value.p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct conf c;
    struct strbuf errors, warnings;
    strbuf_init(&errors);
    strbuf_init(&warnings);
    conf_init(&c);
    int rc = conf_load_file(&c, (const char *)data, n, &errors, &warnings);
    if (conf_finish(&c, &errors, &warnings) == 0 && rc == 0) {
        size_t total = 0;
        struct conf_override o = {slice_cstr("retention.ms"), slice_of(data, n)};
        struct conf_topic t;
        conf_describe_broker(&c, &total, look_cb);
        conf_describe_topic(&c, &o, 1, &total, look_cb);
        conf_topic_init(&t, &c, &o, 1);
    }
    for (int id = CONF_BROKER_COUNT; id < CONF_COUNT; id++) {
        struct slice name = slice_cstr(conf_def((enum conf_id)id)->name), value = slice_of(data, n);
        strbuf_reset(&errors);
        rc = conf_topic_validate(name, value, &errors);
        rc |= conf_group_validate(name, value, &errors);
        rc |= conf_client_metrics_validate(name, value, &errors);
        ASSERT(rc == 0 || errors.n > 0);
    }
    conf_fini(&c);
    strbuf_fini(&errors);
    strbuf_fini(&warnings);
    return 0;
}
