#include "base/err.h"

struct row {
    int code;
    bool retriable;
    const char *name;
    const char *text;
};

static const struct row rows[] = {
#define X(name, code, retriable, text) {code, retriable, #name, text},
    ERR_TABLE(X)
#undef X
};

static const struct row *row_of(int code)
{
    /* The table is dense from -1 on, except that 0 has no row. */
    if (code == -1) return &rows[0];
    if (code < 1 || code > (int)NELEMS(rows) - 1) return NULL;
    const struct row *r = &rows[code];
    ASSERT(r->code == code);
    return r;
}

const char *kafka_error_name(int code)
{
    if (code == 0) return "NONE";
    const struct row *r = row_of(code);
    return r ? r->name : "UNKNOWN_SERVER_ERROR";
}

const char *kafka_error_text(int code)
{
    const struct row *r = row_of(code);
    return r ? r->text : (code ? rows[0].text : "");
}

bool kafka_error_retriable(int code)
{
    const struct row *r = row_of(code);
    return r && r->retriable;
}

int16_t err_kafka(int err)
{
    if (err == 0) return 0;
    if (err == ERR_IO || err_passes(err)) return KERR_KAFKA_STORAGE_ERROR;
    if (err == ERR_FORMAT || err == ERR_EOF) return KERR_CORRUPT_MESSAGE;
    if (err <= -999 && err >= -1999) return (int16_t)(-1000 - err);
    return KERR_UNKNOWN_SERVER_ERROR;
}

const char *err_name(int err)
{
    switch (err) {
    case 0:
        return "NONE";
    case ERR_IO:
        return "IO";
    case ERR_EOF:
        return "EOF";
    case ERR_FORMAT:
        return "FORMAT";
    case ERR_NOSPACE:
        return "NOSPACE";
    case ERR_EXISTS:
        return "EXISTS";
    case ERR_NOENT:
        return "NOENT";
    case ERR_BUSY:
        return "BUSY";
    case ERR_NOMEM:
        return "NOMEM";
    case ERR_NOFILES:
        return "NOFILES";
    default:
        return kafka_error_name(err_kafka(err));
    }
}

const char *err_text(int err)
{
    switch (err) {
    case 0:
        return "no error";
    case ERR_IO:
        return "the operating system refused an input or output operation";
    case ERR_EOF:
        return "the data ends before its format says";
    case ERR_FORMAT:
        return "the data does not follow its format";
    case ERR_NOSPACE:
        return "the disk is full";
    case ERR_EXISTS:
        return "it exists already";
    case ERR_NOENT:
        return "it does not exist";
    case ERR_BUSY:
        return "another process holds it";
    case ERR_NOMEM:
        return "a bounded memory pool is empty";
    case ERR_NOFILES:
        return "no file can be opened for the moment";
    default:
        return kafka_error_text(err_kafka(err));
    }
}
