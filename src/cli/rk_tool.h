/* What the tools that stand on librdkafka share: its configuration from options, log lines, signals. */
#ifndef MOLDAU_RK_TOOL_H
#define MOLDAU_RK_TOOL_H

#include "cli/cli.h"
#include "rk/conf.h"
#include "rk/spring.h"

#include <signal.h>

/* Adds files (--command-config and its older name), then "k=v" texts, or prints why not and exits 1. The
 * older names may be NULL; using them prints a notice that begins with `notice`. */
void rk_properties(struct properties *p, const struct cli_option *options, const char *notice,
                   const char *file, const char *file_old, const char *texts, const char *texts_old);
/* What --config FILE (properties or YAML, by Spring's and Java's names) and the environment say; the option
 * need not be given. What has no effect is told in the log; what is wrong ends the program with a sentence
 * and exit code 1. */
#define RK_CONFIG_OPTION                                                                                     \
    {                                                                                                        \
        .name = "config", .takes_value = true,                                                               \
        .help = "settings, as a properties or YAML file, with the names of Spring Boot (spring.kafka.*) or " \
                "of Java's clients: an application.yml"                                                      \
    }
void rk_settings(struct spring_settings *s, const struct cli_option *options);
/* Those of `from` that p does not have. */
void rk_default_properties(struct properties *p, const struct properties *from);
/* The producer's, for dead letters: a record is not done before its own is safe, so what would make that
 * weaker is left out. */
void rk_dead_letter_properties(struct properties *p, const struct spring_settings *s);
/* rk_conf_new, with a warning in the log for a name nobody knows. */
int rk_tool_conf(const struct properties *p, bool producer, rd_kafka_conf_t **out,
                 struct strbuf *why) MUST_USE;
/* "[2026-01-31 12:00:00,000] ERROR " and the text, on stderr, as the reference's log lines look. */
void rk_say(const char *level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* rk_say("WARN", ..) for callbacks; arg is not used. */
void rk_warn(void *arg, const char *text);
/* Set by SIGINT, SIGTERM and SIGHUP once rk_catch_signals ran: the number of the signal. */
extern volatile sig_atomic_t rk_signal;
void rk_catch_signals(void);

#endif
