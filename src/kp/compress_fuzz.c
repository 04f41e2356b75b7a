/* Input: one byte for the codec, then the stream. Whole and piecewise reading must agree, within the bound.
 * What inflates must survive being packed again. */
#include "kp/compress.h"

#include <stdlib.h>

#define OUT_BYTES_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) return 0;
    int codec = data[0] % KP_CODECS_N;
    struct slice in = slice_of(data + 1, n - 1);
    struct kp_writer whole, again;
    kp_writer_init(&whole, 0);
    kp_writer_init(&again, 0);
    int rc = kp_decompress(codec, in, OUT_BYTES_MAX, &whole);
    ASSERT(whole.n <= OUT_BYTES_MAX && whole.cap <= OUT_BYTES_MAX + 1);

    struct kp_unpack *u = kp_unpack_new();
    int err = kp_unpack_start(u, codec, in, OUT_BYTES_MAX);
    size_t got = 0;
    for (int64_t k = err ? 0 : 1; k > 0;) {
        uint8_t piece[777];
        k = kp_unpack_read(u, piece, 1 + (got + n) % sizeof piece);
        if (k < 0) err = (int)k;
        else if (rc == 0) {
            ASSERT(got + (size_t)k <= whole.n && memcmp(piece, whole.p + got, (size_t)k) == 0);
            got += (size_t)k;
        }
    }
    kp_unpack_free(u);
    /* libzstd holds a frame's declared size against an empty last block only where it decodes in one pass. */
    if (codec != KP_CODEC_ZSTD) ASSERT((rc == 0) == (err == 0));
    if (rc == 0) {
        ASSERT(got == whole.n);
        ASSERT(kp_compress(codec, KP_LEVEL_DEFAULT, kp_writer_slice(&whole), &again) == 0);
        kp_writer_reset(&whole);
        ASSERT(kp_decompress(codec, kp_writer_slice(&again), OUT_BYTES_MAX, &whole) == 0 && whole.n == got);
    }
    kp_writer_fini(&whole);
    kp_writer_fini(&again);
    return 0;
}
