#include "cli/rk_tool.h"
#include "base/err.h"
#include "os/blocking.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONFIG_BYTES_MAX (1 << 20)

volatile sig_atomic_t rk_signal;
static void on_signal(int n)
{
    rk_signal = n;
}
void rk_catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal}; /* no SA_RESTART: a read that waits must end */
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void rk_say(const char *level, const char *fmt, ...)
{
    int64_t ms = os_now_wall_ms();
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char at[32];
    localtime_r(&s, &tm);
    strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S", &tm);
    struct strbuf b;
    strbuf_init(&b);
    strbuf_printf(&b, "[%s,%03d] %s ", at, (int)(ms % 1000), level);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s\n", b.s);
    strbuf_fini(&b);
}

void rk_properties(struct properties *p, const struct cli_option *options, const char *notice,
                   const char *file, const char *file_old, const char *texts, const char *texts_old)
{
    struct strbuf why;
    strbuf_init(&why);
    int rc = 0;
    const char *names[2][2] = {{file_old, file}, {texts_old, texts}};
    for (int kind = 0; kind < 2; kind++)
        if (names[kind][0] && cli_given(options, names[kind][0]) && cli_given(options, names[kind][1])) {
            fprintf(stderr, "Options --%s and --%s cannot be specified together.\n", names[kind][0],
                    names[kind][1]);
            exit(1);
        }
    for (int kind = 0; kind < 2; kind++)
        for (int which = 0; which < 2; which++)
            for (const struct cli_option *o = options; names[kind][which] && o->name; o++) {
                if (strcmp(o->name, names[kind][which]) != 0 || !o->n) continue;
                if (which == 0)
                    printf(
                        "%s --%s is deprecated and will be removed in a future version. Use --%s instead.\n",
                        notice, names[kind][0], names[kind][1]);
                for (int i = 0; i < o->n && rc == 0; i++)
                    rc = kind == 0 ? properties_file(p, o->values[i], &why)
                                   : properties_add(p, o->values[i], &why);
                for (int i = 0; kind == 0 && i < p->n; i++) properties_unescape(p->values[i]);
            }
    if (rc) {
        fprintf(stderr, "%s\n", why.s);
        exit(1);
    }
    strbuf_fini(&why);
}

void rk_warn(void *arg, const char *text)
{
    (void)arg;
    rk_say("WARN", "%s", text);
}

void rk_settings(struct spring_settings *s, const struct cli_option *options)
{
    extern char **environ;
    struct strbuf text, why;
    const char *file = cli_value(options, "config");
    strbuf_init(&text);
    strbuf_init(&why);
    int rc = file ? os_read_file(NULL, file, CONFIG_BYTES_MAX, &text) : 0;
    if (rc) strbuf_printf(&why, "cannot read %s: %s", file, os_why());
    struct spring_source from = {file, strbuf_slice(&text), environ, rk_warn, NULL};
    if (rc == 0) rc = spring_settings_read(s, &from, &why);
    if (rc) {
        fprintf(stderr, "%s\n", why.s);
        exit(1);
    }
    strbuf_fini(&text);
    strbuf_fini(&why);
}

void rk_default_properties(struct properties *p, const struct properties *from)
{
    for (int i = 0; i < from->n; i++)
        if (!properties_get(p, from->names[i])) properties_set(p, from->names[i], from->values[i]);
}

void rk_dead_letter_properties(struct properties *p, const struct spring_settings *s)
{
    static const char *const weaker[] = {"acks",
                                         "retries",
                                         "enable.idempotence",
                                         "max.in.flight.requests.per.connection",
                                         "transactional.id",
                                         "linger.ms"};
    for (int i = 0; i < s->producer.n; i++) {
        bool skip = false;
        for (size_t k = 0; k < NELEMS(weaker); k++) skip |= strcmp(weaker[k], s->producer.names[i]) == 0;
        if (!skip && !properties_get(p, s->producer.names[i]))
            properties_set(p, s->producer.names[i], s->producer.values[i]);
    }
}

static void unknown(void *arg, const char *name)
{
    (void)arg;
    rk_say("WARN", "The configuration '%s' was supplied but isn't a known config.", name);
}

int rk_tool_conf(const struct properties *p, bool producer, rd_kafka_conf_t **out, struct strbuf *why)
{
    return rk_conf_new(p, producer, unknown, NULL, out, why);
}
