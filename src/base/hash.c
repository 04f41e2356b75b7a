#include "base/hash.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#endif

/* CRC-32C in three lanes: the instruction has a latency of 3 and a throughput of 1, so three independent
 * streams triple the speed; the lanes are joined by multiplying with x^(8*LANE) mod P through small tables.
 */
#define POLY 0x82f63b78u
#define LANE 1024u

static uint32_t table[8][256];
static uint32_t shift_lane[4][256]; /* appends LANE zero bytes to a CRC */
static bool have_sse42;

static uint32_t gf_times(const uint32_t m[32], uint32_t v)
{
    uint32_t r = 0;
    for (unsigned i = 0; v; i++, v >>= 1)
        if (v & 1) r ^= m[i];
    return r;
}

/* Filled before main so that no call site pays for a check and no thread races. */
__attribute__((constructor)) static void crc32c_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ POLY : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++) table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
    uint32_t m[32], sq[32];
    m[0] = POLY; /* one zero bit */
    for (unsigned i = 1; i < 32; i++) m[i] = 1u << (i - 1);
    for (unsigned bits = 1; bits < LANE * 8; bits *= 2) {
        for (unsigned i = 0; i < 32; i++) sq[i] = gf_times(m, m[i]);
        memcpy(m, sq, sizeof m);
    }
    for (uint32_t b = 0; b < 4; b++)
        for (uint32_t i = 0; i < 256; i++) shift_lane[b][i] = gf_times(m, i << 8 * b);
#if defined(__x86_64__)
    unsigned a, b, c, d;
    have_sse42 = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
#endif
}

static uint32_t crc_soft(uint32_t c, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v ^= c;
        c = table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^ table[5][v >> 16 & 0xff] ^
            table[4][v >> 24 & 0xff] ^ table[3][v >> 32 & 0xff] ^ table[2][v >> 40 & 0xff] ^
            table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
    }
    for (; n; n--) c = c >> 8 ^ table[0][(c ^ *p++) & 0xff];
    return c;
}

#if defined(__x86_64__)
static uint32_t append_lane(uint32_t c)
{
    return shift_lane[0][c & 0xff] ^ shift_lane[1][c >> 8 & 0xff] ^ shift_lane[2][c >> 16 & 0xff] ^
           shift_lane[3][c >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t c, const uint8_t *p, size_t n)
{
    uint64_t v;
    while (n >= 3 * LANE) {
        uint64_t a = c, b = 0, d = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            uint64_t x, y, z;
            memcpy(&x, p + i, 8);
            memcpy(&y, p + LANE + i, 8);
            memcpy(&z, p + 2 * LANE + i, 8);
            a = _mm_crc32_u64(a, x);
            b = _mm_crc32_u64(b, y);
            d = _mm_crc32_u64(d, z);
        }
        c = append_lane((uint32_t)a) ^ (uint32_t)b;
        c = append_lane(c) ^ (uint32_t)d;
        p += 3 * LANE;
        n -= 3 * LANE;
    }
    uint64_t c64 = c;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        c64 = _mm_crc32_u64(c64, v);
    }
    c = (uint32_t)c64;
    for (; n; n--) c = _mm_crc32_u8(c, *p++);
    return c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (have_sse42) return ~crc_sse42(crc, p, n);
#endif
    return ~crc_soft(crc, p, n);
}

uint32_t murmur2(const void *data, size_t n)
{
    const uint8_t *p = data;
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)n;
    for (; n >= 4; n -= 4, p += 4) {
        uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (n == 3) h ^= (uint32_t)p[2] << 16;
    if (n >= 2) h ^= (uint32_t)p[1] << 8;
    if (n >= 1) h = (h ^ p[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t java_string_hash(struct slice s)
{
    uint32_t h = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c = s.p[i], cp;
        size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (i + len > s.n) len = 1;
        if (len == 1) cp = c;
        else if (len == 2) cp = (c & 0x1f) << 6 | (s.p[i + 1] & 0x3fu);
        else if (len == 3) cp = (c & 0x0f) << 12 | (s.p[i + 1] & 0x3fu) << 6 | (s.p[i + 2] & 0x3fu);
        else
            cp =
                (c & 7) << 18 | (s.p[i + 1] & 0x3fu) << 12 | (s.p[i + 2] & 0x3fu) << 6 | (s.p[i + 3] & 0x3fu);
        if (cp >= 0x10000) {
            cp -= 0x10000;
            h = h * 31 + (0xd800 + (cp >> 10));
            h = h * 31 + (0xdc00 + (cp & 0x3ff));
        } else h = h * 31 + cp;
        i += len;
    }
    return (int32_t)h;
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t h = seed ^ n * 0x9e3779b97f4a7c15u, v;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        h = hash_u64(h ^ v);
    }
    v = 0;
    if (n) memcpy(&v, p, n);
    return hash_u64(h ^ v);
}
