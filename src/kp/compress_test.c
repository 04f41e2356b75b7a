#include "kp/compress.h"

#include "base/prng.h"
#include "base/test.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

static void fill(struct prng *prng, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t v = prng_next(prng);
        size_t run = 1 + (v >> 8) % 40;
        for (size_t k = 0; k < run && i < n; k++, i++) p[i] = (uint8_t)(run > 20 ? v : v >> (k % 8) * 8);
    }
}

static int32_t level_of(struct prng *prng)
{
    return prng_below(prng, 2) ? KP_LEVEL_DEFAULT : (int32_t)prng_below(prng, 12);
}

TEST(every_codec_gives_back_what_went_in)
{
    static uint8_t in[300000];
    static const size_t sizes[] = {0, 1, 100, 32767, 32768, 32769, 65536, 200000, sizeof in};
    struct prng prng;
    prng_init(&prng, 1);
    for (int codec = 0; codec < KP_CODECS_N; codec++)
        for (size_t i = 0; i < NELEMS(sizes); i++) {
            struct kp_writer packed, out;
            kp_writer_init(&packed, 0);
            kp_writer_init(&out, 0);
            kp_write_i8(&packed, 'x'); /* appends */
            fill(&prng, in, sizes[i]);
            CHECK_INT(kp_compress(codec, level_of(&prng), slice_of(in, sizes[i]), &packed), 0);
            struct slice p = slice_of(packed.p + 1, packed.n - 1);
            CHECK_INT(kp_decompress(codec, p, sizes[i], &out), 0);
            CHECK(slice_eq(kp_writer_slice(&out), slice_of(in, sizes[i])));
            CHECK(out.cap <= sizes[i] + 1);
            if (sizes[i]) {
                kp_writer_reset(&out);
                CHECK_INT(kp_decompress(codec, p, sizes[i] - 1, &out), ERR_MESSAGE_TOO_LARGE);
                CHECK(out.n < sizes[i]);
            }
            kp_writer_fini(&packed);
            kp_writer_fini(&out);
        }
}

TEST(streams_are_read_in_pieces_of_any_size)
{
    static uint8_t in[150000], out[sizeof in + 1];
    struct prng prng;
    prng_init(&prng, 2);
    struct kp_unpack *u = kp_unpack_new();
    for (int round = 0; round < 40; round++) {
        int codec = (int)prng_below(&prng, KP_CODECS_N);
        size_t n = prng_below(&prng, sizeof in), got = 0;
        struct kp_writer packed;
        kp_writer_init(&packed, 0);
        fill(&prng, in, n);
        CHECK_INT(kp_compress(codec, KP_LEVEL_DEFAULT, slice_of(in, n), &packed), 0);
        CHECK_INT(kp_unpack_start(u, codec, kp_writer_slice(&packed), n), 0);
        for (int64_t k = 1; k > 0; got += (size_t)k) {
            k = kp_unpack_read(u, out + got, min_size(1 + prng_below(&prng, 40000), sizeof out - got));
            CHECK(k >= 0);
        }
        CHECK_INT(got, n);
        CHECK(memcmp(in, out, n) == 0);
        kp_writer_fini(&packed);
    }
    kp_unpack_free(u);
}

TEST(cut_and_damaged_streams_are_refused)
{
    static uint8_t in[5000];
    struct prng prng;
    prng_init(&prng, 3);
    fill(&prng, in, sizeof in);
    for (int codec = KP_CODEC_GZIP; codec < KP_CODECS_N; codec++) {
        struct kp_writer packed, out;
        kp_writer_init(&packed, 0);
        kp_writer_init(&out, 0);
        CHECK_INT(kp_compress(codec, KP_LEVEL_DEFAULT, slice_of(in, sizeof in), &packed), 0);
        for (size_t n = 0; n < packed.n; n++) {
            /* snappy's framing has no end mark: a stream may stop between two blocks */
            if (codec == KP_CODEC_SNAPPY && n == 16) continue;
            uint8_t *cut = xmalloc(n + 1);
            memcpy(cut, packed.p, n);
            cut = xrealloc(cut, n ? n : 1);
            kp_writer_reset(&out);
            int rc = kp_decompress(codec, slice_of(cut, n), 1 << 20, &out);
            CHECK(rc == ERR_EOF || rc == ERR_FORMAT);
            free(cut);
        }
        for (int i = 0; i < 3000; i++) {
            size_t at = prng_below(&prng, packed.n);
            uint8_t was = packed.p[at];
            packed.p[at] = (uint8_t)prng_next(&prng);
            kp_writer_reset(&out);
            int rc = kp_decompress(codec, kp_writer_slice(&packed), 1 << 20, &out);
            CHECK(rc == 0 || rc == ERR_EOF || rc == ERR_FORMAT || rc == ERR_MESSAGE_TOO_LARGE);
            CHECK(out.cap <= (1 << 20) + 1);
            packed.p[at] = was;
        }
        kp_writer_fini(&packed);
        kp_writer_fini(&out);
    }
}

TEST(a_bomb_stays_within_the_bound)
{
    size_t bomb = 256 << 20;
    for (int codec = KP_CODEC_GZIP; codec < KP_CODECS_N; codec++) {
        uint8_t *zeros = xcalloc(1, bomb);
        struct kp_writer packed, out;
        kp_writer_init(&packed, 0);
        kp_writer_init(&out, 0);
        CHECK_INT(kp_compress(codec, KP_LEVEL_DEFAULT, slice_of(zeros, bomb), &packed), 0);
        free(zeros);
        CHECK_INT(kp_decompress(codec, kp_writer_slice(&packed), 1 << 20, &out), ERR_MESSAGE_TOO_LARGE);
        CHECK(out.cap <= (1 << 20) + 1);
        kp_writer_fini(&packed);
        kp_writer_fini(&out);
    }
}

TEST(raw_snappy_is_read_too)
{
    const char text[] = "raw raw raw raw raw raw raw raw raw raw";
    char packed[200];
    size_t n = sizeof packed;
    CHECK(snappy_compress(text, sizeof text, packed, &n) == SNAPPY_OK);
    struct kp_writer out;
    kp_writer_init(&out, 0);
    CHECK_INT(kp_decompress(KP_CODEC_SNAPPY, slice_of(packed, n), 1000, &out), 0);
    CHECK(slice_eq(kp_writer_slice(&out), slice_of(text, sizeof text)));
    kp_writer_fini(&out);
}

TEST(streams_one_after_the_other_are_one_except_with_lz4)
{
    for (int codec = KP_CODEC_GZIP; codec < KP_CODECS_N; codec++) {
        struct kp_writer packed, out;
        kp_writer_init(&packed, 0);
        kp_writer_init(&out, 0);
        CHECK_INT(kp_compress(codec, KP_LEVEL_DEFAULT, slice_cstr("one "), &packed), 0);
        CHECK_INT(kp_compress(codec, KP_LEVEL_DEFAULT, slice_cstr("two"), &packed), 0);
        int rc = kp_decompress(codec, kp_writer_slice(&packed), 7, &out);
        CHECK_INT(rc, codec == KP_CODEC_LZ4 ? ERR_FORMAT : 0);
        if (!rc) CHECK(slice_eq(kp_writer_slice(&out), slice_cstr("one two")));
        kp_writer_fini(&packed);
        kp_writer_fini(&out);
    }
}

TEST(lz4_frames_that_kafka_cannot_read_are_refused)
{
    static uint8_t in[200000];
    LZ4F_preferences_t prefs = {.frameInfo = {.blockMode = LZ4F_blockLinked, .blockSizeID = LZ4F_max64KB}};
    size_t room = LZ4F_compressFrameBound(sizeof in, &prefs) + 100;
    uint8_t *packed = xmalloc(room);
    size_t n = LZ4F_compressFrame(packed, room, in, sizeof in, &prefs);
    struct kp_writer out;
    kp_writer_init(&out, 0);
    CHECK_INT(kp_decompress(KP_CODEC_LZ4, slice_of(packed, n), 1 << 20, &out), ERR_FORMAT);
    prefs.frameInfo.blockMode = LZ4F_blockIndependent;
    prefs.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    prefs.frameInfo.contentSize = sizeof in;
    n = LZ4F_compressFrame(packed, room, in, sizeof in, &prefs);
    CHECK_INT(kp_decompress(KP_CODEC_LZ4, slice_of(packed, n), 1 << 20, &out), 0);
    CHECK_INT(out.n, sizeof in);
    packed[6] ^= 1; /* the head no longer matches its checksum */
    CHECK_INT(kp_decompress(KP_CODEC_LZ4, slice_of(packed, n), 1 << 20, &out), ERR_FORMAT);
    free(packed);
    kp_writer_fini(&out);
}

TEST(codecs_have_names)
{
    CHECK_STR(kp_codec_name(KP_CODEC_ZSTD), "zstd");
    CHECK(kp_codec_name(5) == NULL);
    CHECK_INT(kp_codec_find(slice_cstr("lz4")), KP_CODEC_LZ4);
    CHECK_INT(kp_codec_find(slice_cstr("brotli")), -1);
    struct kp_writer out;
    kp_writer_init(&out, 0);
    CHECK_INT(kp_decompress(5, slice_cstr("x"), 10, &out), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    CHECK_INT(kp_compress(7, 0, slice_cstr("x"), &out), ERR_UNSUPPORTED_COMPRESSION_TYPE);
}

TEST_MAIN
