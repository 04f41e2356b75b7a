/* ListTransactions and DescribeTransactions. This broker coordinates no transactional id. */
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/describe_transactions.h"
#include "kp/list_transactions.h"

static bool is_state(struct slice s)
{
    static const char *const names[] = {
        "Empty",         "Ongoing",        "PrepareCommit",     "PrepareAbort",
        "CompleteAbort", "CompleteCommit", "PrepareEpochFence", "Dead"};
    bool known = false;
    for (size_t i = 0; i < NELEMS(names); i++) known |= slice_eq_cstr(s, names[i]);
    return known;
}

/* Whether a regular expression is one in every dialect's eyes: brackets close, nothing is repeated that is
 * not there, and no backslash ends it. */
static bool is_pattern(struct slice s)
{
    int round = 0;
    bool square = false, atom = false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '\\') {
            if (++i == s.n) return false;
            atom = true;
        } else if (square) square = c != ']';
        else if (c == '[') {
            square = atom = true;
            if (i + 1 < s.n && s.p[i + 1] == '^') i++;
            if (i + 1 < s.n && s.p[i + 1] == ']') i++; /* as the first it stands for itself */
        } else if (c == '(') {
            round++;
            atom = false;
            if (i + 1 < s.n && s.p[i + 1] == '?') i++;
        } else if (c == ')') {
            if (--round < 0) return false;
            atom = true;
        } else if (c == '*' || c == '+' || c == '?') {
            if (!atom) return false;
        } else atom = c != '|';
    }
    return round == 0 && !square;
}

void api_list_transactions(struct req *r)
{
    struct kp_list_transactions_request in;
    struct kp_list_transactions_response out;
    struct seen seen;
    if (!API_READ(r, list_transactions, &in)) return;
    kp_list_transactions_response_init(&out);
    if (in.transactional_id_pattern.n && !is_pattern(in.transactional_id_pattern))
        out.error_code = KERR_INVALID_REGULAR_EXPRESSION;
    seen_init(&seen, &r->arena, (size_t)in.state_filters_n, prng_next(&req_broker(r)->prng));
    out.unknown_state_filters =
        arena_zalloc(&r->arena, (size_t)in.state_filters_n, sizeof *out.unknown_state_filters);
    for (int32_t i = 0; i < in.state_filters_n && !out.error_code; i++)
        if (!is_state(in.state_filters[i]) && seen_note(&seen, in.state_filters[i], 0, i) < 0)
            out.unknown_state_filters[out.unknown_state_filters_n++] = in.state_filters[i];
    API_REPLY(r, list_transactions, &out);
}

void api_describe_transactions(struct req *r)
{
    struct kp_describe_transactions_request in;
    struct kp_describe_transactions_response out;
    if (!API_READ(r, describe_transactions, &in)) return;
    kp_describe_transactions_response_init(&out);
    out.transaction_states =
        arena_zalloc(&r->arena, (size_t)in.transactional_ids_n, sizeof *out.transaction_states);
    for (int32_t i = 0; i < in.transactional_ids_n; i++) {
        struct kp_describe_transactions_response_transaction_state *o =
            &out.transaction_states[out.transaction_states_n++];
        kp_describe_transactions_response_transaction_state_init(o);
        o->transactional_id = in.transactional_ids[i];
        o->error_code = o->transactional_id.n ? KERR_NOT_COORDINATOR : KERR_INVALID_REQUEST;
    }
    API_REPLY(r, describe_transactions, &out);
}
