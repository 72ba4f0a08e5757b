/* sampling_state.c - see sampling_state.h.
 *
 * Which texts are taken follows W3C Trace Context for the tracestate and OpenTelemetry's rules for
 * its own entry, with the public processor's ceilings.
 */
#include "processors/sampling_state.h"

#include <math.h>

enum {
    STATE_BYTES_MAX = 1024,
    MEMBERS_MAX = 31,
    KEY_MAX = 256,
    TENANT_MAX = 241,
    SYSTEM_MAX = 14,
    VALUE_MAX = 256, /* of a vendor, also of `ot` */
    HASH_BITS = 14,
    DIGIT_BITS = 4,
};

/* --- numbers --------------------------------------------------------------------------------- */

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* Near 0 and near 1 the leading digits are all 0 or f, so there as many more are kept. */
static unsigned digits_that_matter(double probability, unsigned digits)
{
    int small, large;
    (void)frexp(probability, &small);
    (void)frexp(1 - probability, &large);
    int wanted = (int)digits + most(small / -DIGIT_BITS, large / -DIGIT_BITS);
    return wanted < SAMPLING_DIGITS ? (unsigned)wanted : SAMPLING_DIGITS;
}

bool threshold_of(double probability, unsigned digits, uint64_t *out)
{
    if (!(probability >= SAMPLING_LEAST && probability <= 1))
        return false;
    *out = SAMPLING_RANGE - (uint64_t)round(probability * (double)SAMPLING_RANGE);
    unsigned shift = DIGIT_BITS * (SAMPLING_DIGITS - digits_that_matter(probability, digits));
    if (shift && probability < 1)
        *out = (*out + ((uint64_t)1 << (shift - 1))) >> shift << shift;
    return true;
}

double threshold_probability(uint64_t threshold)
{
    return (double)(SAMPLING_RANGE - threshold) / (double)SAMPLING_RANGE;
}

Str randomness_text(uint64_t randomness, char room[SAMPLING_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = SAMPLING_DIGITS; i-- > 0; randomness >>= DIGIT_BITS)
        room[i] = digits[randomness & 0xf];
    return (Str){ room, SAMPLING_DIGITS };
}

Str threshold_text(uint64_t threshold, char room[SAMPLING_TEXT_SIZE])
{
    Str text = randomness_text(threshold, room);
    while (text.len > 1 && text.ptr[text.len - 1] == '0')
        text.len--;
    return text;
}

/* As if zeros stood behind it. */
static bool read_digits(Str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < SAMPLING_DIGITS; i++) {
        char c = i < text.len ? text.ptr[i] : '0';
        bool number = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f';
        if (!number && !lower && !(c >= 'A' && c <= 'F'))
            return false;
        *out = *out << DIGIT_BITS | (uint64_t)(number ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

bool threshold_read(Str text, uint64_t *out)
{
    return text.len > 0 && text.len <= SAMPLING_DIGITS && read_digits(text, out);
}

bool randomness_read(Str text, uint64_t *out)
{
    return text.len == SAMPLING_DIGITS && read_digits(text, out);
}

uint64_t trace_id_randomness(const TraceId *id)
{
    uint64_t number = 0;
    for (size_t i = sizeof id->bytes - 7; i < sizeof id->bytes; i++)
        number = number << 8 | id->bytes[i];
    return number;
}

static uint32_t fnv_add(uint32_t hash, uint8_t byte)
{
    return (hash ^ byte) * 16777619u;
}

/* From the top: the hash's low 14 bits turned round, so that what was kept below a mark is kept
 * from a threshold on; its other 18, mixed into 28; its low 14 as they are. */
uint64_t hashed_randomness(Str bytes, uint32_t seed)
{
    const uint32_t mask = (1u << HASH_BITS) - 1;
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < sizeof seed; i++)
        hash = fnv_add(hash, (uint8_t)(seed >> 8 * i));
    for (size_t i = 0; i < bytes.len; i++)
        hash = fnv_add(hash, (uint8_t)bytes.ptr[i]);
    uint64_t low = hash & mask, rest = hash >> (32 - HASH_BITS);
    return (mask - low) << (56 - HASH_BITS) | (rest ^ rest << 10) << HASH_BITS | low;
}

/* --- what a tracestate may be made of --------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_key_char(char c)
{
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
}

static bool is_value_char(char c)
{
    return c >= ' ' && c <= '~' && c != ',' && c != '=';
}

static bool all_are(Str text, bool (*one)(char c))
{
    for (size_t i = 0; i < text.len; i++)
        if (!one(text.ptr[i]))
            return false;
    return true;
}

/* name, or tenant@system. */
static bool is_key(Str key)
{
    Str system = key, tenant;
    if (!key.len || key.len > KEY_MAX || !str_split(&system, '@', &tenant))
        return false;
    if (tenant.len == key.len)
        return is_lower(key.ptr[0]) && all_are(key, is_key_char);
    return tenant.len > 0 && tenant.len <= TENANT_MAX && system.len > 0 &&
           system.len <= SYSTEM_MAX && (is_lower(tenant.ptr[0]) || is_digit(tenant.ptr[0])) &&
           is_lower(system.ptr[0]) && all_are(tenant, is_key_char) && all_are(system, is_key_char);
}

static bool is_value(Str value)
{
    return value.len > 0 && value.len <= VALUE_MAX && value.ptr[value.len - 1] != ' ' &&
           all_are(value, is_value_char);
}

static bool is_own_key_char(char c)
{
    return is_lower(c) || is_digit(c);
}

static bool is_own_value_char(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

/* --- reading --------------------------------------------------------------------------------- */

static Str trim(Str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = str_skip(text, 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* "k=v": false when there is no '='. */
static bool cut(Str member, char separator, Str *key, Str *value)
{
    *value = member;
    return str_split(value, separator, key) && key->len < member.len;
}

/* The entries of `ot`, one by one. False: at the end, or at one that is none (*good). */
static bool next_own(Str *rest, Str *key, Str *value, bool *good)
{
    Str member;
    if (!str_split(rest, ';', &member))
        return false;
    *good = cut(member, ':', key, value) && key->len > 0 && is_lower(key->ptr[0]) &&
            all_are(*key, is_own_key_char) && all_are(*value, is_own_value_char);
    return *good;
}

static bool read_own(Str text, SamplingState *out)
{
    Str key, value, rest = text;
    bool good = true, sense = true;
    if (!text.len || text.len > VALUE_MAX)
        return false;
    *out = (SamplingState){ 0 };
    while (next_own(&rest, &key, &value, &good)) {
        if (str_eq(key, STR("rv"))) {
            out->has_randomness = randomness_read(value, &out->randomness);
            sense = sense && out->has_randomness;
        } else if (str_eq(key, STR("th"))) {
            out->has_threshold = threshold_read(value, &out->threshold);
            sense = sense && out->has_threshold;
        }
    }
    return good && sense;
}

bool trace_state_read(Str text, SamplingState *out)
{
    Str member, key, value, rest = text;
    bool sense = true;
    *out = (SamplingState){ 0 };
    if (text.len > STATE_BYTES_MAX)
        return false;
    for (size_t count = 1; str_split(&rest, ',', &member); count++) {
        member = trim(member);
        if (count > MEMBERS_MAX)
            return false;
        if (!member.len)
            continue;
        if (!cut(member, '=', &key, &value) || !is_key(key) || !is_value(value))
            return false;
        if (str_eq(key, STR("ot")))
            sense = read_own(value, out) && sense;
    }
    return sense;
}

/* --- writing --------------------------------------------------------------------------------- */

static void add_member(Buf *out, size_t begin, char between, Str key, char joint, Str value)
{
    if (out->len > begin)
        buf_add_byte(out, between);
    buf_addf(out, "%.*s%c%.*s", STR_ARG(key), joint, STR_ARG(value));
}

/* Whatever else stood in `ot` stays, behind the two. */
static void write_own(Str old, const SamplingState *state, Buf *out)
{
    char room[SAMPLING_TEXT_SIZE];
    Str key, value;
    bool good = true;
    buf_add(out, STR("ot="));
    size_t begin = out->len;
    if (state->has_randomness)
        add_member(out, begin, ';', STR("rv"), ':', randomness_text(state->randomness, room));
    if (state->has_threshold)
        add_member(out, begin, ';', STR("th"), ':', threshold_text(state->threshold, room));
    while (next_own(&old, &key, &value, &good))
        if (!str_eq(key, STR("rv")) && !str_eq(key, STR("th")))
            add_member(out, begin, ';', key, ':', value);
    if (out->len == begin && !out->failed) /* there is nothing */
        out->len -= STR("ot=").len;
}

void trace_state_write(Str text, const SamplingState *state, Buf *out)
{
    Str member, key, value, old = { 0 }, rest = text;
    size_t begin = out->len;
    while (str_split(&rest, ',', &member))
        if (cut(trim(member), '=', &key, &value) && str_eq(key, STR("ot")))
            old = value;
    write_own(old, state, out);
    rest = text;
    while (str_split(&rest, ',', &member))
        if (cut(trim(member), '=', &key, &value) && !str_eq(key, STR("ot")))
            add_member(out, begin, ',', key, '=', value);
}
