/* See compress.h. Invariants of struct kp_unpack:
 * 1. in is what the codec has not consumed yet; out_n <= out_max always.
 * 2. done is set when the stream ended where the format says it may; only then may `in` be empty without
 * ERR_EOF.
 *
 *     kp_unpack_start -> reading --(step gives bytes)--> reading
 *                          |  `--(end of stream)--> done
 *                          `--(any error)--> err, for good
 */
#include "kp/compress.h"

#include <limits.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

static const char *const names[KP_CODECS_N] = {"none", "gzip", "snappy", "lz4", "zstd"};

const char *kp_codec_name(int codec)
{
    return codec >= 0 && codec < KP_CODECS_N ? names[codec] : NULL;
}

int kp_codec_find(struct slice name)
{
    for (int i = 0; i < KP_CODECS_N; i++)
        if (slice_eq_cstr(name, names[i])) return i;
    return -1;
}

/* ---- Compression ---- */

static int clamp(int32_t level, int low, int high)
{
    return level < low ? low : level > high ? high : (int)level;
}

static int gzip_pack(int32_t level, struct slice in, struct kp_writer *out)
{
    z_stream z = {0};
    level = level == KP_LEVEL_DEFAULT ? Z_DEFAULT_COMPRESSION : clamp(level, 1, 9);
    if (deflateInit2(&z, (int)level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return ERR_NOMEM;
    ASSERT(in.n <= UINT_MAX);
    size_t room = deflateBound(&z, in.n);
    z.next_in = (uint8_t *)(uintptr_t)in.p;
    z.avail_in = (unsigned)in.n;
    z.next_out = kp_put(out, room);
    z.avail_out = (unsigned)room;
    int rc = deflate(&z, Z_FINISH);
    ASSERT(rc == Z_STREAM_END);
    out->n -= z.avail_out;
    deflateEnd(&z);
    return 0;
}

#define XERIAL_BLOCK_BYTES 32768u
static const uint8_t xerial_head[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};

static int snappy_pack(struct slice in, struct kp_writer *out)
{
    kp_write_raw(out, slice_of(xerial_head, sizeof xerial_head));
    for (size_t at = 0; at < in.n; at += XERIAL_BLOCK_BYTES) {
        size_t n = min_size(in.n - at, XERIAL_BLOCK_BYTES), room = snappy_max_compressed_length(n),
               start = out->n;
        uint8_t *p = kp_put(out, 4 + room);
        snappy_status rc = snappy_compress((const char *)in.p + at, n, (char *)p + 4, &room);
        ASSERT(rc == SNAPPY_OK);
        store_be32(p, (uint32_t)room);
        out->n = start + 4 + room;
    }
    return 0;
}

static int lz4_pack(int32_t level, struct slice in, struct kp_writer *out)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent}};
    /* Kafka's default of 9 stands for the fast compressor, every other level for the thorough one. */
    if (level != KP_LEVEL_DEFAULT && level != 9)
        prefs.compressionLevel = clamp(level, LZ4HC_CLEVEL_MIN, LZ4HC_CLEVEL_MAX);
    size_t room = LZ4F_compressFrameBound(in.n, &prefs), start = out->n;
    size_t n = LZ4F_compressFrame(kp_put(out, room), room, in.p, in.n, &prefs);
    out->n = start;
    if (LZ4F_isError(n)) return ERR_NOMEM;
    out->n += n;
    return 0;
}

static int zstd_pack(int32_t level, struct slice in, struct kp_writer *out)
{
    int l = level == KP_LEVEL_DEFAULT ? 3 : clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
    size_t room = ZSTD_compressBound(in.n), start = out->n;
    size_t n = ZSTD_compress(kp_put(out, room), room, in.p, in.n, l);
    out->n = start;
    if (ZSTD_isError(n)) return ERR_NOMEM;
    out->n += n;
    return 0;
}

int kp_compress(int codec, int32_t level, struct slice in, struct kp_writer *out)
{
    switch (codec) {
    case KP_CODEC_NONE:
        kp_write_raw(out, in);
        return 0;
    case KP_CODEC_GZIP:
        return gzip_pack(level, in, out);
    case KP_CODEC_SNAPPY:
        return snappy_pack(in, out);
    case KP_CODEC_LZ4:
        return lz4_pack(level, in, out);
    case KP_CODEC_ZSTD:
        return zstd_pack(level, in, out);
    default:
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    }
}

/* ---- Decompression ---- */

struct kp_unpack {
    int codec, err;
    bool done;
    struct slice in;
    size_t out_n, out_max;
    z_stream gzip;
    bool gzip_ready, gzip_inside; /* inside: within a member */
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
    bool zstd_inside; /* within a frame */
    bool xerial;
    uint8_t *block; /* snappy: the decoded block, of which block_at..block_n is still to be read */
    size_t block_cap, block_at, block_n;
};

struct kp_unpack *kp_unpack_new(void)
{
    return xcalloc(1, sizeof(struct kp_unpack));
}

void kp_unpack_free(struct kp_unpack *u)
{
    if (!u) return;
    if (u->gzip_ready) inflateEnd(&u->gzip);
    LZ4F_freeDecompressionContext(u->lz4);
    ZSTD_freeDCtx(u->zstd);
    free(u->block);
    free(u);
}

static void advance(struct kp_unpack *u, size_t n)
{
    if (n == 0) return; /* in.p may be null */
    u->in.p += n;
    u->in.n -= n;
}

static int gzip_start(struct kp_unpack *u)
{
    u->gzip_inside = false;
    if (u->gzip_ready) return inflateReset(&u->gzip) == Z_OK ? 0 : ERR_FORMAT;
    if (inflateInit2(&u->gzip, 15 + 16) != Z_OK) return ERR_NOMEM;
    u->gzip_ready = true;
    return 0;
}

/* The frame must be one that Kafka's reader takes too, or consumers could not read what we stored. */
static int lz4_start(struct kp_unpack *u)
{
    if (u->in.n < LZ4F_HEADER_SIZE_MIN) return ERR_EOF;
    const uint8_t *p = u->in.p;
    uint8_t flags = p[4], block = p[5];
    bool magic = p[0] == 0x04 && p[1] == 0x22 && p[2] == 0x4d && p[3] == 0x18;
    bool version_1 = flags >> 6 == 1, independent = flags & 0x20, reserved_or_dictionary = flags & 0x03;
    if (!magic || !version_1 || !independent || reserved_or_dictionary || (block & 0x8f)) return ERR_FORMAT;
    if (u->lz4) LZ4F_resetDecompressionContext(u->lz4);
    else if (LZ4F_isError(LZ4F_createDecompressionContext(&u->lz4, LZ4F_VERSION))) return ERR_NOMEM;
    return 0;
}

static int zstd_start(struct kp_unpack *u)
{
    u->zstd_inside = false;
    if (!u->zstd && !(u->zstd = ZSTD_createDCtx())) return ERR_NOMEM;
    return ZSTD_isError(ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only)) ? ERR_FORMAT : 0;
}

int kp_unpack_start(struct kp_unpack *u, int codec, struct slice in, size_t max_out)
{
    u->codec = codec;
    u->in = in;
    u->out_n = 0;
    u->out_max = max_out;
    u->done = false;
    u->block_at = u->block_n = 0;
    switch (codec) {
    case KP_CODEC_NONE:
        u->err = 0;
        break;
    case KP_CODEC_GZIP:
        u->err = in.n ? gzip_start(u) : ERR_EOF;
        break;
    case KP_CODEC_SNAPPY:
        u->err = in.n ? 0 : ERR_EOF;
        u->xerial = in.n >= sizeof xerial_head && memcmp(in.p, xerial_head, 8) == 0;
        if (u->xerial) advance(u, sizeof xerial_head);
        break;
    case KP_CODEC_LZ4:
        u->err = lz4_start(u);
        break;
    case KP_CODEC_ZSTD:
        u->err = in.n ? zstd_start(u) : ERR_EOF;
        break;
    default:
        u->err = ERR_UNSUPPORTED_COMPRESSION_TYPE;
        break;
    }
    return u->err;
}

/* Each step writes up to n > 0 bytes, and gives 0 only with done set or err pending as a negative value. */

static int64_t none_step(struct kp_unpack *u, uint8_t *out, size_t n)
{
    n = min_size(n, u->in.n);
    if (n) memcpy(out, u->in.p, n);
    advance(u, n);
    u->done = u->in.n == 0;
    return (int64_t)n;
}

static int64_t gzip_step(struct kp_unpack *u, uint8_t *out, size_t n)
{
    z_stream *z = &u->gzip;
    z->next_in = (uint8_t *)(uintptr_t)u->in.p;
    z->avail_in = (unsigned)min_size(u->in.n, UINT_MAX);
    z->next_out = out;
    z->avail_out = (unsigned)n;
    size_t before = z->avail_in;
    int rc = inflate(z, Z_NO_FLUSH);
    advance(u, before - z->avail_in);
    n -= z->avail_out;
    switch (rc) {
    case Z_STREAM_END:
        if (u->in.n == 0) u->done = true;
        else if (inflateReset(z) != Z_OK) return ERR_FORMAT; /* another member follows */
        return (int64_t)n;
    case Z_OK:
        return (int64_t)n;
    case Z_BUF_ERROR:
        return n ? (int64_t)n : ERR_EOF;
    case Z_MEM_ERROR:
        return ERR_NOMEM;
    default:
        return ERR_FORMAT;
    }
}

/* The next snappy block, decoded to out if it fits there, else into u->block. Bytes written to out, or a
 * negative error; 0: the block waits in u->block, or there was none. */
static int64_t snappy_block(struct kp_unpack *u, uint8_t *out, size_t room)
{
    size_t n = u->in.n, raw;
    if (u->xerial) {
        if (n < 4) return ERR_EOF;
        if (n >= sizeof xerial_head &&
            memcmp(u->in.p, xerial_head, 8) == 0) { /* streams one after the other */
            advance(u, sizeof xerial_head);
            return 0;
        }
        uint32_t len = load_be32(u->in.p);
        if (len > INT32_MAX) return ERR_FORMAT;
        if (len > n - 4) return ERR_EOF;
        advance(u, 4);
        n = len;
    }
    const char *p = (const char *)u->in.p;
    if (snappy_uncompressed_length(p, n, &raw) != SNAPPY_OK) return ERR_FORMAT;
    /* No element of the format gives more than 64 bytes for 3, so a length beyond that is a lie that must not
     * size anything. */
    if (raw > n * 32) return ERR_FORMAT;
    if (raw > u->out_max - u->out_n) return ERR_MESSAGE_TOO_LARGE;
    bool direct = raw <= room;
    if (!direct && raw > u->block_cap) {
        free(u->block);
        u->block_cap = max_size(raw, XERIAL_BLOCK_BYTES);
        u->block = xmalloc(u->block_cap);
    }
    if (snappy_uncompress(p, n, (char *)(direct ? out : u->block), &raw) != SNAPPY_OK) return ERR_FORMAT;
    advance(u, n);
    if (direct) return (int64_t)raw;
    u->block_at = 0;
    u->block_n = raw;
    return 0;
}

static int64_t snappy_step(struct kp_unpack *u, uint8_t *out, size_t n)
{
    while (u->block_at == u->block_n) {
        if (u->in.n == 0) {
            u->done = true;
            return 0;
        }
        int64_t k = snappy_block(u, out, n);
        if (k) return k;
    }
    n = min_size(n, u->block_n - u->block_at);
    memcpy(out, u->block + u->block_at, n);
    u->block_at += n;
    return (int64_t)n;
}

static int64_t lz4_step(struct kp_unpack *u, uint8_t *out, size_t n)
{
    size_t in_n = u->in.n, out_n = n;
    size_t rc = LZ4F_decompress(u->lz4, out, &out_n, u->in.p, &in_n, NULL);
    if (LZ4F_isError(rc)) return ERR_FORMAT;
    advance(u, in_n);
    if (rc == 0) {
        if (u->in.n)
            return ERR_FORMAT; /* Kafka's reader ends with the first frame, so nothing may follow it */
        u->done = true;
    } else if (out_n == 0 && in_n == 0) return ERR_EOF;
    return (int64_t)out_n;
}

static int64_t zstd_step(struct kp_unpack *u, uint8_t *out, size_t n)
{
    ZSTD_inBuffer in = {u->in.p, u->in.n, 0};
    ZSTD_outBuffer to = {out, n, 0};
    size_t rc = ZSTD_decompressStream(u->zstd, &to, &in);
    if (ZSTD_isError(rc)) return ERR_FORMAT;
    advance(u, in.pos);
    if (rc == 0 && u->in.n == 0) u->done = true;
    else if (to.pos == 0 && in.pos == 0) return ERR_EOF;
    return (int64_t)to.pos;
}

int64_t kp_unpack_read(struct kp_unpack *u, void *out, size_t n)
{
    static int64_t (*const steps[KP_CODECS_N])(struct kp_unpack *, uint8_t *, size_t) = {
        none_step, gzip_step, snappy_step, lz4_step, zstd_step};
    size_t got = 0;
    while (got < n && !u->done && !u->err) {
        /* One byte more than allowed, to tell an end at the bound from a stream that goes on. */
        size_t room = u->out_max - u->out_n;
        uint8_t probe;
        int64_t k =
            room ? steps[u->codec](u, (uint8_t *)out + got, min_size(min_size(n - got, room), 1u << 30))
                 : steps[u->codec](u, &probe, 1);
        if (k < 0) u->err = (int)k;
        else if (k > 0 && room == 0) u->err = ERR_MESSAGE_TOO_LARGE;
        else {
            got += (size_t)k;
            u->out_n += (size_t)k;
        }
    }
    return u->err ? u->err : (int64_t)got;
}

/* How much to make room for at first: what a zstd frame says about itself, else a guess. */
static size_t first_guess(int codec, struct slice in)
{
    unsigned long long n =
        codec == KP_CODEC_ZSTD ? ZSTD_getFrameContentSize(in.p, in.n) : ZSTD_CONTENTSIZE_UNKNOWN;
    if (n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR || n > SIZE_MAX / 4) n = in.n * 3;
    return max_size((size_t)n, 512);
}

/* Makes room as it goes, doubling, but never past the bound. */
int kp_decompress(int codec, struct slice in, size_t max_out, struct kp_writer *out)
{
    struct kp_unpack *u = kp_unpack_new();
    int rc = kp_unpack_start(u, codec, in, max_out);
    size_t start = out->n, guess = first_guess(codec, in);
    while (rc == 0 && !u->done) {
        size_t have = out->n - start, room = min_size(max_size(have, guess), max_out - have);
        kp_writer_reserve(out, room + 1); /* + 1 so that the end can be met at the bound */
        int64_t k = kp_unpack_read(u, out->p + out->n, room + 1);
        if (k < 0) rc = (int)k;
        out->n = start + u->out_n;
    }
    kp_unpack_free(u);
    return rc;
}
