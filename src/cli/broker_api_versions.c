/* moldau broker-api-versions: what kafka-broker-api-versions.sh of Apache Kafka 4.3 prints: for every broker
 * the versions it offers of each API and the newest one that this client can use too. */
#include "cli/tools.h"

#include <stdio.h>
#include <stdlib.h>

static const struct kp_api_versions_response_api_version *find(const struct kp_api_versions_response *r,
                                                               int16_t key)
{
    for (int32_t i = 0; i < r->api_keys_n; i++)
        if (r->api_keys[i].api_key == key) return &r->api_keys[i];
    return NULL;
}

static void print_api(const char *comma, const struct kp_api *api, int16_t key,
                      const struct kp_api_versions_response_api_version *v)
{
    printf("%s\n\t", comma);
    if (api) printf("%s(%d): ", api->name, key);
    else printf("UNKNOWN(%d): ", key);
    if (!v) {
        printf("UNSUPPORTED");
        return;
    }
    if (v->min_version == v->max_version) printf("%d", v->min_version);
    else printf("%d to %d", v->min_version, v->max_version);
    if (!api) return;
    int16_t usable = v->max_version < api->version_max_stable ? v->max_version : api->version_max_stable;
    if (usable < v->min_version || usable < api->version_min)
        printf(" [unusable: node too %s]", v->min_version > api->version_max_stable ? "new" : "old");
    else printf(" [usable: %d]", usable);
}

static void print_versions(const struct kp_metadata_response_metadata_response_broker *b,
                           const struct kp_api_versions_response *r)
{
    const char *comma = "";
    printf("%.*s:%d (id: %d rack: ", (int)b->host.n, (const char *)b->host.p, b->port, b->node_id);
    if (b->rack.p) printf("%.*s", (int)b->rack.n, (const char *)b->rack.p);
    else printf("null");
    printf(" isFenced: false) -> (");
    for (int16_t key = 0; key <= KP_API_KEY_MAX; key++) {
        const struct kp_api *api = kp_api_find(key);
        const struct kp_api_versions_response_api_version *v = find(r, key);
        if (api && !v && !(api->on & KP_ON_BROKER)) continue;
        if (!api && !v) continue;
        print_api(comma, api, key, v);
        comma = ",";
    }
    for (int32_t i = 0; i < r->api_keys_n; i++) {
        if (r->api_keys[i].api_key <= KP_API_KEY_MAX) continue;
        print_api(comma, NULL, r->api_keys[i].api_key, &r->api_keys[i]);
        comma = ",";
    }
    printf("\n)\n");
}

int broker_api_versions_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"bootstrap-server", true, "the cluster: host:port,host:port", NULL, 0},
        {"command-config", true, "properties file of the client", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    struct admin a;
    struct kp_metadata_response meta;
    cli_parse(argc, argv, "moldau broker-api-versions: tell which versions of each API the brokers offer", o,
              NULL, NULL);
    const char *bootstrap = cli_bootstrap(o);
    int rc = admin_open(&a, o, bootstrap, NULL);
    if (rc == 0) rc = client_metadata(&a.c, NULL, 0, &meta, &a.why);
    if (rc) fprintf(stderr, "Request METADATA failed on brokers [%s]: %s\n", bootstrap, strbuf_cstr(&a.why));
    for (int32_t i = 0; rc == 0 && i < meta.brokers_n; i++) {
        const struct kp_api_versions_response *r;
        const struct kp_metadata_response_metadata_response_broker *b = &meta.brokers[i];
        strbuf_reset(&a.why);
        if (client_api_versions(&a.c, b->node_id, &r, &a.why) == 0) {
            print_versions(b, r);
            continue;
        }
        printf("%.*s:%d (id: %d rack: ", (int)b->host.n, (const char *)b->host.p, b->port, b->node_id);
        printf("%.*s isFenced: false) -> ERROR: %s\n", b->rack.p ? (int)b->rack.n : 4,
               b->rack.p ? (const char *)b->rack.p : "null", strbuf_cstr(&a.why));
    }
    admin_close(&a);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return rc ? 1 : 0;
}
