/* The compressions of record batches (attributes bits 0-2): a batch's records, without its head, as one
 * stream of gzip    RFC 1952, any number of members snappy  snappy-java's framing ("\x82SNAPPY\0", version,
 * compatible version, then blocks of int32 length and raw snappy) or one raw snappy block; both are read, the
 * framing is written lz4     one frame (LZ4 frame format 1.6) of independent blocks without a dictionary, as
 * Kafka's reader demands zstd    RFC 8878, any number of frames Output is bounded: what would grow past
 * max_out ends in ERR_MESSAGE_TOO_LARGE. */
#ifndef MOLDAU_KP_COMPRESS_H
#define MOLDAU_KP_COMPRESS_H

#include "kp/kp.h"

enum kp_codec { KP_CODEC_NONE, KP_CODEC_GZIP, KP_CODEC_SNAPPY, KP_CODEC_LZ4, KP_CODEC_ZSTD };
#define KP_CODECS_N 5

/* "none", "gzip", …; NULL beyond the table. */
const char *kp_codec_name(int codec);
/* The codec of a name, -1 if there is none. */
int kp_codec_find(struct slice name);

/* Level of the codec's own default. Otherwise gzip takes 1..9, lz4 1..17 (9 is its fast default, as in
 * Kafka), zstd -131072..22; values outside are moved to the nearest. snappy has none. */
#define KP_LEVEL_DEFAULT INT32_MIN

/* Appends `in`, compressed, to out. Only fails (ERR_NOMEM) when the library has no memory. */
int kp_compress(int codec, int32_t level, struct slice in, struct kp_writer *out) MUST_USE;

/* Appends the whole of `in`, decompressed, to out: at most max_out bytes. Errors: ERR_EOF (cut), ERR_FORMAT
 * (damaged), ERR_MESSAGE_TOO_LARGE, ERR_UNSUPPORTED_COMPRESSION_TYPE (no such codec), ERR_NOMEM. out then
 * holds what came before. */
int kp_decompress(int codec, struct slice in, size_t max_out, struct kp_writer *out) MUST_USE;

/* The same piece by piece, in memory that does not grow with the output (except that a raw snappy block is
 * decoded whole). One object serves any number of streams, one after the other, and keeps its library
 * contexts. */
struct kp_unpack;
struct kp_unpack *kp_unpack_new(void) __attribute__((returns_nonnull));
void kp_unpack_free(struct kp_unpack *u);
/* `in` is borrowed until the stream has been read or another one starts. */
int kp_unpack_start(struct kp_unpack *u, int codec, struct slice in, size_t max_out) MUST_USE;
/* Up to n bytes; fewer only at the end of the stream, so 0 (for n > 0) means it is over. Negative: an error
 * as above, sticky. */
int64_t kp_unpack_read(struct kp_unpack *u, void *out, size_t n) MUST_USE;

#endif
