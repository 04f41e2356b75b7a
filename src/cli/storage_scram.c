/* --add-scram of the storage tool: 'SCRAM-SHA-256=[name=…,iterations=…,salt=…,password=…]' or with
 * saltedpassword, as a UserScramCredentialRecord. Keys are those of RFC 5802:
 *
 *   salted password = PBKDF2-HMAC(password, salt, iterations)
 *   stored key      = H(HMAC(salted password, "Client Key"))
 *   server key      = HMAC(salted password, "Server Key") */
#include "cli/storage_int.h"
#include "kp/user_scram_credential_record.h"
#include "os/os.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

struct mechanism {
    const char *name, *java_name;
    int8_t type;
    int64_t iterations_max;
    size_t bytes;
};
static const struct mechanism mechanisms[] = {
    {"SCRAM-SHA-256", "SCRAM_SHA_256", 1, 16384, 32},
    {"SCRAM-SHA-512", "SCRAM_SHA_512", 2, 16384, 64},
};
#define ITERATIONS_MIN 4096

/* What stands between the brackets; NULL: not given. */
struct credential {
    char *name, *salt, *iterations, *password, *salted;
};

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

/* Standard base64; padding may be missing, but not be wrong. False: not base64. */
static bool decode(const char *s, uint8_t **out, size_t *n)
{
    size_t len = strlen(s), chars = len;
    uint32_t bits = 0;
    *n = 0;
    while (chars && s[chars - 1] == '=') chars--;
    if (len - chars > 2 || (len != chars && len % 4) || chars % 4 == 1) return false;
    *out = xmalloc(chars / 4 * 3 + 3);
    for (size_t i = 0; i < chars; i++) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *d = strchr(digits, s[i]);
        if (!d) {
            free(*out);
            return false;
        }
        bits = bits << 6 | (uint32_t)(d - digits);
        if (i % 4) (*out)[(*n)++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return true;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put(char **at, const char *value)
{
    free(*at);
    *at = xstrdup(value);
}

/* `text` is cut up. */
static void split(char *text, struct credential *p)
{
    char *unknown[256];
    size_t unknown_n = 0, end = strlen(text);
    while (end > 1 && text[end - 1] == ',') text[--end] = 0; /* Java's split drops what is empty at the end */
    for (char *rest = text, *item; (item = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(item, '=');
        if (!value) storage_die("No equals sign found in SCRAM component: %s", item);
        *value++ = 0;
        size_t n = strlen(value);
        if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
            value[n - 1] = 0;
            value++;
        }
        if (strcmp(item, "name") == 0) put(&p->name, value);
        else if (strcmp(item, "salt") == 0) put(&p->salt, value);
        else if (strcmp(item, "iterations") == 0) put(&p->iterations, value);
        else if (strcmp(item, "password") == 0) put(&p->password, value);
        else if (strcmp(item, "saltedpassword") == 0) put(&p->salted, value);
        else if (unknown_n < NELEMS(unknown)) unknown[unknown_n++] = item;
    }
    /* checked in Kafka's order, the unknown ones last: keep them for the caller in one sentence */
    qsort(unknown, unknown_n, sizeof *unknown, name_cmp);
    struct strbuf b;
    strbuf_init(&b);
    for (size_t i = 0; i < unknown_n; i++)
        if (i == 0 || strcmp(unknown[i], unknown[i - 1]) != 0)
            strbuf_printf(&b, "%s%s", b.n ? ", " : "", unknown[i]);
    uint8_t *bytes;
    size_t n;
    int64_t number;
    if (!p->name) storage_die("You must supply 'name' to add-scram");
    if (p->salt) {
        if (!decode(p->salt, &bytes, &n)) storage_die("Failed to decode given salt: %s", p->salt);
        free(bytes);
    }
    if (p->iterations && !storage_parse_int(p->iterations, INT32_MIN, INT32_MAX, &number))
        storage_die("Failed to parse iterations count: %s", p->iterations);
    if (!p->password && !p->salted)
        storage_die("You must supply one of 'password' or 'saltedpassword' to add-scram");
    if (!p->password && !p->salt) storage_die("You must supply 'salt' with 'saltedpassword' to add-scram");
    if (p->password) {
        if (p->salted) { /* the password wins; Kafka takes the other one off the list all the same */
            free(p->salted);
            p->salted = NULL;
        }
    } else {
        if (!decode(p->salted, &bytes, &n))
            storage_die("Failed to decode given saltedPassword: %s", p->salted);
        free(bytes);
    }
    if (b.n) storage_die("Unknown SCRAM configurations: %s", b.s);
    strbuf_fini(&b);
}

static void random_salt(uint8_t **out, size_t *n)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t entropy[26];
    os_entropy(NULL, entropy, sizeof entropy);
    *out = xmalloc(sizeof entropy);
    for (size_t i = 0; i < sizeof entropy; i++) (*out)[i] = (uint8_t)letters[entropy[i] % 36];
    *n = sizeof entropy;
}

static void print_bytes(struct strbuf *b, const char *name, struct slice s)
{
    strbuf_printf(b, ", %s=[", name);
    for (size_t i = 0; i < s.n; i++) strbuf_printf(b, "%s%d", i ? ", " : "", (int8_t)s.p[i]);
    strbuf_add_char(b, ']');
}

static void add_record(const struct mechanism *m, const struct credential *p, struct ctl_records *rs,
                       struct strbuf *text)
{
    const EVP_MD *md = m->type == 1 ? EVP_sha256() : EVP_sha512();
    uint8_t *salt, *salted, client[EVP_MAX_MD_SIZE], stored[EVP_MAX_MD_SIZE], server[EVP_MAX_MD_SIZE];
    size_t salt_n, salted_n;
    int64_t iterations = ITERATIONS_MIN;
    unsigned n;
    bool ok = true;
    if (!p->salt) random_salt(&salt, &salt_n);
    else if (!decode(p->salt, &salt, &salt_n)) storage_die("Failed to decode given salt: %s", p->salt);
    if (p->iterations) ok = storage_parse_int(p->iterations, INT32_MIN, INT32_MAX, &iterations);
    if (!ok || iterations < ITERATIONS_MIN)
        storage_die("The 'iterations' value must be >= %d for add-scram using %s", ITERATIONS_MIN,
                    m->java_name);
    if (iterations > m->iterations_max)
        storage_die("The 'iterations' value must be <= %lld for add-scram using %s",
                    (long long)m->iterations_max, m->java_name);
    if (p->salted) ok = decode(p->salted, &salted, &salted_n);
    else {
        salted_n = p->password[0] ? m->bytes : 0;
        salted = xmalloc(m->bytes);
        ok = PKCS5_PBKDF2_HMAC(p->password, (int)strlen(p->password), salt, (int)salt_n, (int)iterations, md,
                               (int)m->bytes, salted) == 1;
    }
    if (!ok) storage_die("OpenSSL cannot make the salted password of %s", p->name);
    if (salted_n == 0) storage_throw("java.lang.IllegalArgumentException", "Empty key");
    ok = HMAC(md, salted, (int)salted_n, (const uint8_t *)"Client Key", 10, client, &n) &&
         EVP_Digest(client, n, stored, &n, md, NULL) == 1 &&
         HMAC(md, salted, (int)salted_n, (const uint8_t *)"Server Key", 10, server, &n);
    if (!ok) storage_die("OpenSSL cannot make the keys of %s", p->name);
    struct kp_user_scram_credential_record r = {
        .name = slice_cstr(p->name),
        .mechanism = m->type,
        .salt = slice_of(salt, salt_n),
        .stored_key = slice_of(stored, m->bytes),
        .server_key = slice_of(server, m->bytes),
        .iterations = (int32_t)iterations,
    };
    ctl_put(rs, &kp_user_scram_credential_record_message, 0, &r);
    strbuf_printf(text, ", ApiMessageAndVersion(UserScramCredentialRecord(name='%s', mechanism=%d", p->name,
                  m->type);
    print_bytes(text, "salt", r.salt);
    print_bytes(text, "storedKey", r.stored_key);
    print_bytes(text, "serverKey", r.server_key);
    strbuf_printf(text, ", iterations=%d) at version 0)", r.iterations);
    OPENSSL_cleanse(salted, salted_n);
    free(salt);
    free(salted);
}

void storage_scram(const struct arg *arguments, struct ctl_records *rs, struct strbuf *text)
{
    for (int i = 0; i < arguments->n; i++) {
        const char *from = arguments->values[i], *end = from + strlen(from);
        while (from < end && is_blank(*from)) from++;
        while (end > from && is_blank(end[-1])) end--;
        char *argument = xstrndup(from, (size_t)(end - from)), *value = strchr(argument, '=');
        if (!value) storage_die("Failed to find equals sign in SCRAM argument '%s'", argument);
        *value++ = 0;
        const struct mechanism *m = mechanisms;
        while (m < mechanisms + NELEMS(mechanisms) && strcmp(m->name, argument) != 0) m++;
        if (m == mechanisms + NELEMS(mechanisms))
            storage_die("The add-scram mechanism %s is not supported.", argument);
        size_t n = strlen(value);
        if (value[0] != '[') storage_die("Expected configuration string to start with [");
        if (value[n - 1] != ']' || n < 2) storage_die("Expected configuration string to end with ]");
        value[n - 1] = 0;
        struct credential p = {0};
        split(value + 1, &p);
        add_record(m, &p, rs, text);
        free(p.name);
        free(p.salt);
        free(p.iterations);
        free(p.password);
        free(p.salted);
        free(argument);
    }
}
