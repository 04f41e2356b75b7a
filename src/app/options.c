#include "app/options.h"
#include "cli/tools.h"

int64_t options_number(const struct cli_option *o, const char *name, int64_t otherwise, int64_t min,
                       int64_t max)
{
    const char *v = cli_value(o, name);
    int64_t n;
    if (!v) return otherwise;
    if (!parse_i64(v, &n) || n < min || n > max)
        tool_usage_error("--%s takes a whole number from %lld to %lld, not '%s'", name, (long long)min,
                         (long long)max, v);
    return n;
}

void options_default(struct properties *p, const char *name, const char *value)
{
    if (!properties_get(p, name)) properties_set(p, name, value);
}

void options_bootstrap(struct properties *p, const struct cli_option *o)
{
    const char *given = cli_value(o, "bootstrap-server");
    if (given) properties_set(p, "bootstrap.servers", given);
    else options_default(p, "bootstrap.servers", "localhost:9092");
}
