/* Java client properties for librdkafka: names, values and defaults that the two spell differently. */
#ifndef MOLDAU_RK_CONF_H
#define MOLDAU_RK_CONF_H

#include "cli/cli.h"

#include <librdkafka/rdkafka.h>
#include <signal.h>

/* A configuration from properties in the order given. Java-only names (serializers, metric reporters, key
 * stores in a format of Java's own, ...) are skipped; a name nobody knows is skipped with a warning on
 * stderr. ERR_INVALID_CONFIG with a sentence in why for values that cannot be used. *out is the caller's
 * unless an error is returned. */
int rk_conf_new(const struct cli_properties *p, bool producer, rd_kafka_conf_t **out,
                struct strbuf *why) MUST_USE;
/* Adds files (--command-config and its older name), then "k=v" texts, or prints why not and exits 1. The
 * older names may be NULL; using them prints a notice that begins with `notice`. */
void rk_properties(struct cli_properties *p, const struct cli_option *options, const char *notice,
                   const char *file, const char *file_old, const char *texts, const char *texts_old);
/* "[2026-01-31 12:00:00,000] ERROR " and the text, on stderr, as the reference's log lines look. */
void rk_say(const char *level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Java's escapes in a property value given on a command line or in a file: \t \n \r \f \\. In place. */
void rk_unescape(char *s);
/* Set by SIGINT, SIGTERM and SIGHUP once rk_catch_signals ran: the number of the signal. */
extern volatile sig_atomic_t rk_signal;
void rk_catch_signals(void);

#endif
