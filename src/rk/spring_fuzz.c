/* Any text as a properties or a YAML file of settings: it is read or refused with a sentence. */
#include "rk/spring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char name[] = "SERVER_PORT=8080", group[] = "SPRING_KAFKA_CONSUMER_GROUP_ID=${a:b}";
    static char *const env[] = {name, group, NULL};
    struct spring_settings s;
    struct strbuf why;
    if (!n) return 0;
    struct spring_source from = {
        .file = data[0] & 1 ? "f.yml" : "f.properties", .text = slice_of(data + 1, n - 1), .env = env};
    strbuf_init(&why);
    if (spring_settings_read(&s, &from, &why) == 0) {
        ASSERT(why.n == 0 && s.server_port == 8080);
        for (int i = 0; i < s.consumer.n; i++) ASSERT(*s.consumer.names[i] && *s.consumer.values[i]);
        spring_settings_free(&s);
    } else ASSERT(why.n > 0);
    strbuf_fini(&why);
    return 0;
}
