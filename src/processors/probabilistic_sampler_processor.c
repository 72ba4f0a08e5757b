/* probabilistic_sampler_processor.c - keeps a part of the traces or log records, by chance that all
 * who look at the same trace share.
 *
 *     randomness >= threshold: kept           (sampling_state.h)
 *
 *     hash_seed      randomness is a seeded hash of the trace id (of log records also of an
 *                    attribute), of which 14 bits decide
 *     equalizing     all are brought down to one probability: the larger one of both thresholds
 *     proportional   probabilities are multiplied: each loses the same part of what arrives
 *
 * What is kept says so: of spans in the tracestate (`ot=rv:...;th:...`), of log records in the
 * attributes sampling.randomness and sampling.threshold. A threshold is never lowered.
 *
 * What has no randomness, or says of itself what cannot be (a threshold that it would not have
 * passed, a tracestate that is none; in the mode hash_seed also one that other modes have written),
 * goes when fail_closed, and stays otherwise. A priority has the last word: spans with
 * sampling.priority above 0 stay, those with 0 go; log records name a percentage of their own.
 *
 * Decisions are those of the public processor, bit by bit. Marks differ in two corners: a span
 * without a trace id gets no invented randomness, and a tracestate that could not be read stays as
 * it is whatever the mode.
 */
#include "otlp/batch.h"
#include "otlp/edit.h"
#include "otlp/value_text.h"
#include "pipe/host.h"
#include "processors/sampling_state.h"

#include <math.h>

enum {
    EDITS_BYTES_MAX = 64 << 20, /* of one batch; as large as what receivers take */
    HASH_STEPS = 1 << 14,
    HASH_SHIFT = 56 - 14,
};

typedef enum Mode { HASH_SEED, PROPORTIONAL, EQUALIZING, NEVER } Mode;

static const char *const mode_names[] = { "hash_seed", "proportional", "equalizing", NULL };

typedef enum Source { FROM_TRACE_ID, FROM_RECORD } Source;

static const char *const source_names[] = { "traceID", "record", NULL };

typedef struct Sampler {
    Component base;
    double sampling_percentage; /* settings */
    int mode;
    uint64_t hash_seed, sampling_precision;
    bool fail_closed;
    int attribute_source;
    Str from_attribute, sampling_priority;
    Mode does; /* state: as mode, or NEVER */
    double ratio;
    uint64_t threshold; /* of HASH_SEED and EQUALIZING */
} Sampler;

static const ConfigField fields[] = {
    NUMBER(Sampler, sampling_percentage, "0", NULL, NULL,
           "How many of a hundred to keep; 0 keeps none, 100 and more all."),
    CHOICE(Sampler, mode, "hash_seed", mode_names,
           "hash_seed: by a hash of the trace id; proportional: the same part of all that comes; "
           "equalizing: down to one probability."),
    COUNT(Sampler, hash_seed, "0", "0", "4294967295",
          "Of hash_seed: those with the same seed keep the same traces."),
    BOOL(Sampler, fail_closed, "true",
         "Drop what has no randomness, or says of itself what cannot be."),
    COUNT(Sampler, sampling_precision, "4", "1", "14",
          "How many hexadecimal digits of the threshold count."),
    CHOICE(Sampler, attribute_source, "traceID", source_names,
           "Log records, hash_seed: whether from_attribute is asked only without a trace id."),
    TEXT(Sampler, from_attribute, "", "Log records, hash_seed: hash this attribute."),
    TEXT(Sampler, sampling_priority, "",
         "Log records: this attribute has the record's own percentage."),
    { 0 },
};

/* As the public processor, which keeps it in single precision. */
static float percentage(const Sampler *s)
{
    return (float)(s->sampling_percentage > 100 ? 100 : s->sampling_percentage);
}

static bool sampler_check(const void *self, Err *err)
{
    const Sampler *s = self;
    double ratio = (double)(float)s->sampling_percentage / 100;
    if (isnan(ratio) || isinf(ratio))
        return fail(err, ERR_INPUT, "sampling rate is invalid: %g%%", s->sampling_percentage);
    if (ratio < 0)
        return fail(err, ERR_INPUT, "sampling rate is negative: %g%%", s->sampling_percentage);
    if (ratio > 0 && ratio < SAMPLING_LEAST)
        return fail(err, ERR_INPUT, "sampling rate is too small: %g%%", s->sampling_percentage);
    return true;
}

static bool sampler_start(void *self, Err *err)
{
    Sampler *s = self;
    s->does = (Mode)s->mode;
    s->ratio = (double)percentage(s) / 100;
    uint32_t kept = (uint32_t)(percentage(s) * (HASH_STEPS / 100.0F)); /* of HASH_STEPS */
    if (s->ratio <= 0 || (s->does == HASH_SEED && !kept))
        s->does = NEVER;
    else if (s->does == HASH_SEED)
        s->threshold = (uint64_t)(HASH_STEPS - kept) << HASH_SHIFT;
    else if (!threshold_of(s->ratio, (unsigned)s->sampling_precision, &s->threshold))
        return fail(err, ERR_INPUT, "sampling rate is invalid: %g%%", s->sampling_percentage);
    return true;
}

static void sampler_stop(void *self)
{
    Sampler *s = self;
    s->does = NEVER;
}

/* --- one item -------------------------------------------------------------------------------- */

/* What is known of an item, and what becomes of it. */
typedef struct Draw {
    SamplingState state; /* what it carries, and will carry */
    bool readable;       /* that could be read, and may be changed */
    bool random;         /* has randomness */
    bool sound;          /* says nothing that cannot be */
    uint64_t randomness, threshold;
    bool kept;
} Draw;

/* hashed: whether there is an own hash, in draw->randomness. Never one on top of others' marks. */
static void draw_by_hash(Draw *draw, bool hashed)
{
    draw->random = hashed;
    if (!draw->readable || draw->state.has_randomness || draw->state.has_threshold) {
        draw->readable = draw->sound = false;
        return;
    }
    draw->state.has_randomness = hashed;
    draw->state.randomness = draw->randomness;
}

static void draw_consistently(Draw *draw, const TraceId *id)
{
    draw->sound = draw->readable;
    draw->random = draw->readable && (draw->state.has_randomness || !trace_id_is_zero(id));
    if (draw->readable && draw->state.has_randomness)
        draw->randomness = draw->state.randomness;
    else if (draw->random)
        draw->randomness = trace_id_randomness(id);
}

static uint64_t decide(const Sampler *s, const SamplingState *state)
{
    uint64_t threshold;
    switch (s->does) {
    case NEVER: return SAMPLE_NEVER;
    case HASH_SEED: return s->threshold;
    case EQUALIZING:
        return state->has_threshold && state->threshold > s->threshold ? state->threshold
                                                                       : s->threshold;
    case PROPORTIONAL: break;
    }
    double arriving = state->has_threshold ? threshold_probability(state->threshold) : 1;
    return threshold_of(arriving * s->ratio, (unsigned)s->sampling_precision, &threshold)
               ? threshold
               : SAMPLE_NEVER;
}

/* A threshold that the item cannot have passed is a lie, and goes. */
static void judge(const Sampler *s, Draw *draw)
{
    if (draw->sound && !draw->random)
        draw->sound = false;
    if (draw->sound && draw->state.has_threshold && draw->state.threshold > draw->randomness)
        draw->state.has_threshold = draw->sound = false;
    if (draw->sound)
        draw->threshold = decide(s, &draw->state);
    else
        draw->threshold = s->fail_closed ? SAMPLE_NEVER : SAMPLE_ALWAYS;
}

static void conclude(Draw *draw)
{
    draw->kept = draw->threshold <= draw->randomness;
    if (draw->state.has_threshold && draw->state.threshold > draw->threshold)
        return;
    draw->state.has_threshold = true;
    draw->state.threshold = draw->threshold;
}

/* --- spans ----------------------------------------------------------------------------------- */

static bool number_of(const ValueView *value, double *out)
{
    *out = value->kind == VALUE_INT ? (double)value->integer : value->real;
    return value->kind == VALUE_INT || value->kind == VALUE_DOUBLE ||
           (value->kind == VALUE_STRING && str_to_double(value->text, out));
}

static void heed_span(const SpanView *span, Draw *draw)
{
    ValueView value;
    double number;
    if (!attributes_find(span->attributes, STR("sampling.priority"), &value) ||
        !number_of(&value, &number))
        return;
    if (number > 0)
        draw->threshold = SAMPLE_ALWAYS;
    else if (!(number < 0) && !isnan(number))
        draw->threshold = SAMPLE_NEVER;
}

static void draw_span(const Sampler *s, const SpanView *span, Draw *draw)
{
    *draw = (Draw){ .sound = true, .randomness = RANDOM_MAX };
    draw->readable = trace_state_read(span->trace_state, &draw->state);
    if (s->does == NEVER) {
        draw->random = true;
        draw->sound = draw->readable;
    } else if (s->does == HASH_SEED) {
        Str id = { (const char *)span->trace_id.bytes, sizeof span->trace_id.bytes };
        bool hashed = !trace_id_is_zero(&span->trace_id);
        if (hashed)
            draw->randomness = hashed_randomness(id, (uint32_t)s->hash_seed);
        draw_by_hash(draw, hashed);
    } else {
        draw_consistently(draw, &span->trace_id);
    }
    judge(s, draw);
    heed_span(span, draw);
    conclude(draw);
}

static bool mark_span(const SpanView *span, const Draw *draw, size_t item, Edits *edits, Err *err)
{
    Buf text = BUF(BATCH_BYTES_MAX);
    trace_state_write(span->trace_state, &draw->state, &text);
    bool good = buf_ok(&text, err);
    if (good && !str_eq(buf_str(&text), span->trace_state))
        good = edits_set_trace_state(edits, item, buf_str(&text), err);
    buf_free(&text);
    return good;
}

/* --- log records ----------------------------------------------------------------------------- */

static const Str threshold_key = { "sampling.threshold", 18 };
static const Str randomness_key = { "sampling.randomness", 19 };

static Str text_of(Attributes attributes, Str key)
{
    ValueView value;
    bool there = attributes_find(attributes, key, &value) && value.kind == VALUE_STRING;
    return there ? value.text : (Str){ 0 };
}

/* False: what it says of itself is nothing. */
static bool read_record(Attributes attributes, SamplingState *out)
{
    Str threshold = text_of(attributes, threshold_key);
    Str randomness = text_of(attributes, randomness_key);
    out->has_threshold = threshold.len && threshold_read(threshold, &out->threshold);
    out->has_randomness = randomness.len && randomness_read(randomness, &out->randomness);
    return out->has_threshold == (threshold.len > 0) && out->has_randomness == (randomness.len > 0);
}

/* The bytes to hash; empty: there are none. */
static bool bytes_of(const Sampler *s, const LogView *log, Buf *out, Err *err)
{
    ValueView value;
    if (s->attribute_source == FROM_TRACE_ID && !trace_id_is_zero(&log->trace_id))
        buf_add(out, (Str){ (const char *)log->trace_id.bytes, sizeof log->trace_id.bytes });
    else if (s->from_attribute.len && attributes_find(log->attributes, s->from_attribute, &value)) {
        if (value.kind == VALUE_BYTES)
            buf_add(out, value.text);
        else
            value_text(&value, out);
    }
    return buf_ok(out, err);
}

static bool draw_hashed(const Sampler *s, const LogView *log, Draw *draw, Err *err)
{
    Buf bytes = BUF(BATCH_BYTES_MAX);
    bool good = bytes_of(s, log, &bytes, err);
    if (good && bytes.len)
        draw->randomness = hashed_randomness(buf_str(&bytes), (uint32_t)s->hash_seed);
    if (good)
        draw_by_hash(draw, bytes.len > 0);
    buf_free(&bytes);
    return good;
}

static void heed_record(const Sampler *s, const LogView *log, Draw *draw)
{
    ValueView value;
    double percent;
    uint64_t threshold;
    if (!s->sampling_priority.len ||
        !attributes_find(log->attributes, s->sampling_priority, &value) ||
        value.kind == VALUE_STRING || !number_of(&value, &percent))
        return;
    if (threshold_of(percent / 100, (unsigned)s->sampling_precision, &threshold))
        draw->threshold = threshold;
}

static bool draw_record(const Sampler *s, const LogView *log, Draw *draw, Err *err)
{
    *draw = (Draw){ .sound = true, .randomness = RANDOM_MAX };
    draw->readable = read_record(log->attributes, &draw->state);
    if (s->does == HASH_SEED) {
        if (!draw_hashed(s, log, draw, err))
            return false;
    } else if (s->does == NEVER) {
        draw->random = true;
        draw->sound = draw->readable;
    } else {
        draw_consistently(draw, &log->trace_id);
    }
    judge(s, draw);
    heed_record(s, log, draw);
    conclude(draw);
    return true;
}

static bool set_text(Edits *edits, size_t item, Str key, Str text, Err *err)
{
    const AttributeView attribute = { key, { .kind = VALUE_STRING, .text = text } };
    return edits_set(edits, EDIT_ITEM, item, &attribute, err);
}

static bool mark_record(const Draw *draw, size_t item, Edits *edits, Err *err)
{
    char room[SAMPLING_TEXT_SIZE];
    const SamplingState *state = &draw->state;
    return (!state->has_randomness ||
            set_text(edits, item, randomness_key, randomness_text(state->randomness, room), err)) &&
           set_text(edits, item, threshold_key, threshold_text(state->threshold, room), err);
}

/* --- batches --------------------------------------------------------------------------------- */

typedef struct Losses {
    uint64_t chance, unsound;
} Losses;

static bool sample_item(const Sampler *s, const Batch *batch, size_t item, Edits *edits,
                        Losses *losses, Err *err)
{
    Draw draw;
    bool traces = batch_signal(batch) == TRACES;
    SpanView span = { 0 };
    if (traces) {
        span = span_view(batch, item);
        draw_span(s, &span, &draw);
    } else {
        LogView log = log_view(batch, item);
        if (!draw_record(s, &log, &draw, err))
            return false;
    }
    if (!draw.kept) {
        losses->chance += draw.sound;
        losses->unsound += !draw.sound;
        return edits_drop_item(edits, item, err);
    }
    if (!draw.readable)
        return true;
    return traces ? mark_span(&span, &draw, item, edits, err)
                  : mark_record(&draw, item, edits, err);
}

static bool sample(const Sampler *s, const Batch *batch, Edits *edits, Losses *losses, Err *err)
{
    for (size_t item = 0; item < batch_item_count(batch); item++)
        if (!sample_item(s, batch, item, edits, losses, err))
            return blame(err, "sampling");
    return true;
}

/* Nothing is left where all go: then the sender has nothing more to hear. */
static bool send(const Sampler *s, const Parcel *parcel, Edits *edits, bool all_go, Err *err)
{
    if (all_go) {
        ack_done(parcel->ack);
        return true;
    }
    Parcel onward = { .batch = edits_apply(edits, err), .ack = parcel->ack };
    bool taken = onward.batch && host_send(s->base.host, &onward, err);
    batch_unref(onward.batch);
    return taken;
}

static bool sampler_consume(void *self, const Parcel *parcel, Err *err)
{
    const Sampler *s = self;
    Signal signal = batch_signal(parcel->batch);
    Losses losses = { 0 };
    Edits *edits = edits_new(parcel->batch, EDITS_BYTES_MAX, err);
    bool taken = edits && sample(s, parcel->batch, edits, &losses, err);
    bool all_go = losses.chance + losses.unsound == batch_item_count(parcel->batch);
    taken = taken && send(s, parcel, edits, all_go, err);
    edits_free(edits);
    if (taken && losses.chance)
        host_count_dropped(s->base.host, signal, losses.chance, "not sampled");
    if (taken && losses.unsound)
        host_count_dropped(s->base.host, signal, losses.unsound, "no sound randomness");
    return taken;
}

const ComponentType probabilistic_sampler_processor = {
    .name = "probabilistic_sampler",
    .summary = "Keeps a part of the traces or log records, the same part at every place.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = TRACES | LOGS,
    .size = sizeof(Sampler),
    .fields = fields,
    .check = sampler_check,
    .start = sampler_start,
    .consume = sampler_consume,
    .stop = sampler_stop,
};
