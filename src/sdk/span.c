/* span.c - the public calls on spans; see <cryostorm/trace.h>.
 *
 * A record is known to its starter alone until the handle is given out. From then on every call
 * takes the record's lock, one bit beside the generation in the chunk's state: a compare-and-swap
 * that also checks that the handle is not stale, and a store to let go. Whoever finds it taken
 * spins: nothing slower than copying attributes happens under it, and no lock is taken inside but
 * the chunk pool's, which does not call back.
 */
#include "sdk/context.h"
#include "sdk/run.h"
#include "sdk/site.h"
#include "sdk/worker.h"

#include "model/semconv.h"

#include <sched.h>
#include <string.h>

unsigned char cryo_tracing;

/* ---- handles --------------------------------------------------------------------------------- */

static COLD void wait_a_little(unsigned *turns)
{
    if (++*turns % 64 == 0)
        sched_yield(); /* its holder may need this processor */
}

/* The record, locked; NULL: the handle is stale. */
static Record *span_lock(CryoSpan span)
{
    Record *record = span.slot;
    uint64_t free = span.generation << 1;
    for (unsigned turns = 0;;) {
        uint64_t seen = free;
        if (LIKELY(atomic_compare_exchange_weak_explicit(&record->chunk.state, &seen, free | 1,
                                                         memory_order_acquire,
                                                         memory_order_relaxed)))
            return record;
        if ((seen | 1) != (free | 1)) {
            tally(TALLY_LATE_USES);
            return NULL;
        }
        wait_a_little(&turns);
    }
}

static void span_unlock(CryoSpan span)
{
    Record *record = span.slot;
    atomic_store_explicit(&record->chunk.state, span.generation << 1, memory_order_release);
}

static CryoSpan handle_of(Record *record)
{
    uint64_t state = atomic_load_explicit(&record->chunk.state, memory_order_relaxed);
    return (CryoSpan){ record, state >> 1 };
}

/* A call that changes a recording span: locked and with the thread's state, or not at all. */
typedef struct Edit {
    CryoSpan span;
    Record *record;
    ThreadState *state;
} Edit;

static bool edit_begin(Edit *edit, CryoSpan span)
{
    edit->span = span;
    edit->state = span.slot ? thread_state() : NULL; /* first: see states_after_fork() */
    edit->record = edit->state ? span_lock(span) : NULL;
    if (!edit->record)
        return false;
    if (edit->record->bits & RECORD_RECORDING)
        return true;
    span_unlock(span);
    return false;
}

static void edit_end(Edit *edit)
{
    span_unlock(edit->span);
}

/* ---- start ----------------------------------------------------------------------------------- */

typedef struct Parent {
    const uint8_t *trace_id, *span_id; /* NULL: none */
    const CryoContext *context;        /* where it is one of this program */
    uint8_t flags;
    bool is_remote, has_trace_state;
} Parent;

static Parent parent_in_context(const CryoContext *context)
{
    uint64_t words[2];
    memcpy(words, context->trace_id, sizeof words);
    if ((words[0] | words[1]) == 0)
        return (Parent){ 0 };
    return (Parent){ .trace_id = context->trace_id,
                     .span_id = context->span_id,
                     .context = context,
                     .flags = context->flags,
                     .is_remote = context->is_remote,
                     .has_trace_state = context->has_trace_state };
}

static Parent parent_choose(const CryoSpanOptions *options)
{
    const CryoSpanContext *remote = options->remote;
    if (remote && cryo_span_context_valid(remote))
        return (Parent){ .trace_id = remote->trace_id,
                         .span_id = remote->span_id,
                         .flags = remote->flags,
                         .is_remote = remote->is_remote,
                         .has_trace_state = remote->trace_state_len > 0 };
    if (options->root)
        return (Parent){ 0 };
    return parent_in_context(options->parent ? options->parent : &thread_locals.current);
}

static void new_id(ThreadState *state, uint8_t *out, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint64_t word;
        do
            word = random_next(&state->random);
        while (word == 0); /* an id of zeros is none */
        memcpy(out + 8 * i, &word, sizeof word);
    }
}

static void identify(Record *record, ThreadState *state, const Parent *parent)
{
    new_id(state, record->span_id, 1);
    record->has_parent = parent->trace_id != NULL;
    if (parent->trace_id) {
        memcpy(record->trace_id, parent->trace_id, sizeof record->trace_id);
        memcpy(record->parent_id, parent->span_id, sizeof record->parent_id);
        record->flags = parent->flags & CRYO_FLAG_RANDOM;
    } else {
        new_id(state, record->trace_id, 2);
        record->flags = CRYO_FLAG_RANDOM;
    }
    record->bits = parent->is_remote ? RECORD_PARENT_REMOTE : 0;
}

/* As everywhere: what claims to be longer than it can be counts as absent. */
static Str trace_state_of(const CryoSpanContext *context)
{
    size_t len = context->trace_state_len;
    return (Str){ context->trace_state, len <= CRYO_TRACE_STATE_MAX ? len : 0 };
}

static void add_link(Record *record, ThreadState *state, const CryoLink *link)
{
    static const CryoSpanContext none;
    const CryoSpanContext *to = link->context ? link->context : &none;
    if (!cryo_span_context_valid(to) && !link->attributes.count && !to->trace_state_len)
        return; /* says nothing */
    LinkHead head = { .flags = to->flags, .is_remote = to->is_remote };
    memcpy(head.trace_id, to->trace_id, sizeof head.trace_id);
    memcpy(head.span_id, to->span_id, sizeof head.span_id);
    EntryHead *entry = NULL;
    if (record->links < record->config->links_max)
        entry = record_add(record, state,
                           &(EntryText){ .kind = ENTRY_LINK,
                                         .first = { (const char *)&head, sizeof head },
                                         .second = trace_state_of(to) });
    if (!entry) {
        record->dropped_links++;
        return;
    }
    record->links++;
    OwnedList owned = owned_list(record, entry, record->config->link);
    record_own_attributes(record, state, &owned, link->attributes);
}

/* What only a recorded span needs; its start time comes last, so that it does not count our work.
 */
static void describe(Record *record, ThreadState *state, const Site *site,
                     const CryoSpanOptions *options)
{
    record->kind = (uint8_t)(options->kind ? options->kind : CRYO_INTERNAL);
    record->tracer = options->tracer;
    record->site = site;
    if (!site)
        (void)record_set_text(record, state, ENTRY_NAME, str_from(options->name));
    if (options->attributes.count)
        record_set_attributes(record, state, options->attributes, record->config->span);
    for (size_t i = 0; i < options->link_count; i++)
        add_link(record, state, &options->links[i]);
    if (options->start_ns) {
        record->start_ns = (int64_t)options->start_ns;
        record->bits |= RECORD_START_WALL;
    } else {
        record->start_ns = clock_mono_ns(record->config->clock);
    }
}

static void keep_trace_state(Record *record, ThreadState *state, Str text)
{
    if (text.len > 0 && record_set_text(record, state, ENTRY_TRACE_STATE, text))
        record->bits |= RECORD_TRACE_STATE;
}

static COLD void inherit_trace_state(Record *record, ThreadState *state, const Parent *parent,
                                     const CryoSpanOptions *options)
{
    char text[CRYO_TRACE_STATE_MAX];
    if (parent->context) {
        size_t len = span_trace_state(parent->context->span, text);
        keep_trace_state(record, state, (Str){ text, len });
    } else {
        keep_trace_state(record, state, trace_state_of(options->remote));
    }
}

static COLD bool own_sampler_keeps(const Record *record, const Parent *parent, const Site *site,
                                   const CryoSpanOptions *options)
{
    const OwnSampler *own = &record->config->sampler.own;
    CryoSamplingQuestion question = {
        .size = sizeof question,
        .has_parent = parent->trace_id != NULL,
        .parent_sampled = parent->flags & CRYO_FLAG_SAMPLED,
        .parent_is_remote = parent->is_remote,
        .kind = options->kind ? options->kind : CRYO_INTERNAL,
        .name = site ? (CryoString){ site->name.ptr, site->name.len } : cryo_str(options->name),
        .attributes = options->attributes,
    };
    memcpy(question.trace_id, record->trace_id, sizeof question.trace_id);
    thread_locals.suppressed = true; /* what it starts itself would ask it again */
    bool keep = own->sample(own->context, &question);
    thread_locals.suppressed = false;
    return keep;
}

/* NULL: off, or no memory. The record is still the caller's alone. */
static Record *span_begin(const Site *site, const CryoSpanOptions *options)
{
    const RunConfig *config = thread_locals.suppressed ? NULL : run_config_now();
    ThreadState *state = config ? thread_state() : NULL;
    Record *record = state ? (Record *)(void *)state_chunk_take(state) : NULL;
    if (!record) {
        if (config)
            tally(TALLY_DROPPED_MEMORY);
        return NULL;
    }
    Parent parent = parent_choose(options);
    record_init(record);
    record->config = config;
    record->epoch = config->epoch;
    identify(record, state, &parent);
    if (UNLIKELY(parent.has_trace_state))
        inherit_trace_state(record, state, &parent, options);
    bool keep = UNLIKELY(config->sampler.rule == SAMPLE_OWN)
                    ? own_sampler_keeps(record, &parent, site, options)
                    : sampler_decides(&config->sampler, record->trace_id, parent.trace_id != NULL,
                                      parent.flags & CRYO_FLAG_SAMPLED);
    if (!keep) {
        tally_in(state, TALLY_NOT_SAMPLED);
        return record;
    }
    record->flags |= CRYO_FLAG_SAMPLED;
    record->bits |= RECORD_RECORDING;
    tally_in(state, TALLY_STARTED);
    describe(record, state, site, options);
    return record;
}

CryoSpan cryo_span_start_with(const CryoSpanOptions *options)
{
    static const CryoSpanOptions usual;
    Record *record = span_begin(NULL, options ? options : &usual);
    return record ? handle_of(record) : (CryoSpan){ 0 };
}

static void context_of_record(CryoSpan span, const Record *record, CryoContext *out);

CryoSpan cryo_scope_enter(CryoScope *scope, CryoSite *site, const CryoSpanOptions *options)
{
    const Site *kept = run_config_now() ? site_find(site) : NULL;
    CryoSpanOptions named;
    if (UNLIKELY(!kept && !options->name)) { /* a function's name is made by its site */
        named = *options;
        named.name = site->function;
        options = &named;
    }
    Record *record = span_begin(kept, options);
    if (!record)
        return (CryoSpan){ 0 };
    CryoSpan span = handle_of(record);
    ThreadLocals *locals = &thread_locals;
    memcpy(scope->before, &locals->current, sizeof locals->current); /* what cryo_attach() does */
    scope->before[COUNT_OF(scope->before) - 1] = ++locals->depth;
    context_of_record(span, record, &locals->current);
    return span;
}

CryoSpan cryo_span_wrap(const CryoSpanContext *context)
{
    if (!context || !cryo_span_context_valid(context))
        return (CryoSpan){ 0 };
    ThreadState *state = thread_state();
    Record *record = state ? (Record *)(void *)state_chunk_take(state) : NULL;
    if (!record) {
        tally(TALLY_DROPPED_MEMORY);
        return (CryoSpan){ 0 };
    }
    record_init(record);
    record->config = NULL;
    record->epoch = 0;
    record->bits = context->is_remote ? RECORD_IS_REMOTE : 0;
    record->flags = context->flags;
    record->has_parent = 0;
    memcpy(record->trace_id, context->trace_id, sizeof record->trace_id);
    memcpy(record->span_id, context->span_id, sizeof record->span_id);
    keep_trace_state(record, state, trace_state_of(context));
    return handle_of(record);
}

/* ---- end ------------------------------------------------------------------------------------- */

/* Into this thread's row of ended spans; false: it goes nowhere. */
static bool submit(Record *record, ThreadState *state)
{
    const RunConfig *config = run_config_now();
    if (config && config->epoch != record->epoch)
        return false; /* of an earlier run, whose counts are closed */
    if (config && worker_submit(ROW_SPANS, record, state, config))
        return true;
    tally_in(state, TALLY_DROPPED_QUEUE);
    return false;
}

void cryo_span_end_at(CryoSpan span, uint64_t end_ns)
{
    ThreadState *state = span.slot ? thread_state() : NULL;
    Record *record = state ? span_lock(span) : NULL;
    if (!record)
        return;
    bool recording = record->bits & RECORD_RECORDING;
    if (recording && end_ns) {
        record->end_ns = (int64_t)end_ns;
        record->bits |= RECORD_END_WALL;
    } else if (recording) {
        record->end_ns = clock_mono_ns(record->config->clock);
    }
    /* From here on every handle is stale, and the record is ours alone again. */
    atomic_store_explicit(&record->chunk.state, (span.generation + 1) << 1, memory_order_release);
    if (recording && submit(record, state))
        return;
    state_chunks_free(state, &record->chunk);
}

void cryo_scope_end(CryoScope *scope)
{
    CryoToken token;
    _Static_assert(sizeof token == sizeof scope->before, "a scope holds a token");
    memcpy(&token, scope->before, sizeof token);
    (void)cryo_detach(token);
    cryo_span_end_at(scope->span, 0);
    scope->span = (CryoSpan){ 0 };
}

/* ---- what a span says ------------------------------------------------------------------------ */

void cryo_span_set_now(CryoSpan span, CryoAttrs attributes)
{
    Edit edit;
    if (!edit_begin(&edit, span))
        return;
    record_set_attributes(edit.record, edit.state, attributes, edit.record->config->span);
    edit_end(&edit);
}

/* Two lists, of which the second wins. */
static void add_event(Edit *edit, const EntryText *text, CryoAttrs first, CryoAttrs second)
{
    Record *record = edit->record;
    EntryHead *entry = NULL;
    if (record->events < record->config->events_max)
        entry = record_add(record, edit->state, text);
    if (!entry) {
        record->dropped_events++;
        return;
    }
    record->events++;
    OwnedList owned = owned_list(record, entry, record->config->event);
    record_own_attributes(record, edit->state, &owned, first);
    record_own_attributes(record, edit->state, &owned, second);
}

void cryo_span_event_at(CryoSpan span, CryoString name, CryoAttrs attributes, uint64_t time_ns)
{
    Edit edit;
    if (!edit_begin(&edit, span))
        return;
    int64_t at = time_ns ? (int64_t)time_ns : clock_mono_ns(edit.record->config->clock);
    EntryText text = { .kind = ENTRY_EVENT,
                       .first = { (const char *)&at, sizeof at },
                       .second = { name.ptr, name.len },
                       .wall_time = time_ns != 0 };
    add_event(&edit, &text, attributes, (CryoAttrs){ 0 });
    edit_end(&edit);
}

void cryo_span_exception_with(CryoSpan span, const CryoException *exception)
{
    Edit edit;
    if (!exception || !edit_begin(&edit, span))
        return;
    CryoAttr own[3];
    size_t count = 0;
    const CryoString texts[] = { exception->type, exception->message, exception->stacktrace };
    static const char *const keys[] = { ATTR_EXCEPTION_TYPE, ATTR_EXCEPTION_MESSAGE,
                                        ATTR_EXCEPTION_STACKTRACE };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].len > 0)
            own[count++] = (CryoAttr){ cryo_str(keys[i]), cryo_string(texts[i]) };
    int64_t at = clock_mono_ns(edit.record->config->clock);
    EntryText text = { .kind = ENTRY_EVENT,
                       .first = { (const char *)&at, sizeof at },
                       .second = STR(EVENT_EXCEPTION) };
    add_event(&edit, &text, (CryoAttrs){ own, count }, exception->attributes);
    edit_end(&edit);
}

void cryo_span_link_to(CryoSpan span, const CryoLink *link)
{
    Edit edit;
    if (!link || !edit_begin(&edit, span))
        return;
    add_link(edit.record, edit.state, link);
    edit_end(&edit);
}

void cryo_span_rename_to(CryoSpan span, CryoString name)
{
    Edit edit;
    if (!edit_begin(&edit, span))
        return;
    (void)record_set_text(edit.record, edit.state, ENTRY_NAME, (Str){ name.ptr, name.len });
    edit_end(&edit);
}

/* Ok > Error > Unset: Ok is final, Unset changes nothing, the last Error wins. */
void cryo_span_status_to(CryoSpan span, CryoStatus status, CryoString description)
{
    Edit edit;
    if (!edit_begin(&edit, span))
        return;
    Record *record = edit.record;
    bool counts = record->status != CRYO_STATUS_OK &&
                  (status == CRYO_STATUS_OK || status == CRYO_STATUS_ERROR);
    if (counts) {
        record->status = (uint8_t)status;
        Str text = status == CRYO_STATUS_ERROR ? (Str){ description.ptr, description.len }
                                               : (Str){ NULL, 0 };
        (void)record_set_text(record, edit.state, ENTRY_STATUS, text);
    }
    edit_end(&edit);
}

/* ---- what a span is -------------------------------------------------------------------------- */

bool cryo_span_is_recording(CryoSpan span)
{
    Edit edit;
    if (!edit_begin(&edit, span))
        return false;
    edit_end(&edit);
    return true;
}

bool cryo_span_context(CryoSpan span, CryoSpanContext *out)
{
    *out = (CryoSpanContext){ 0 };
    Record *record = span.slot && thread_state() ? span_lock(span) : NULL;
    if (!record)
        return false;
    memcpy(out->trace_id, record->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, record->span_id, sizeof out->span_id);
    out->flags = record->flags;
    out->is_remote = record->bits & RECORD_IS_REMOTE;
    if (record->bits & RECORD_TRACE_STATE)
        out->trace_state_len = (uint16_t)record_get_text(record, ENTRY_TRACE_STATE,
                                                         out->trace_state, CRYO_TRACE_STATE_MAX);
    span_unlock(span);
    return true;
}

size_t span_trace_state(CryoSpan span, char out[CRYO_TRACE_STATE_MAX])
{
    Record *record = span.slot && thread_state() ? span_lock(span) : NULL;
    if (!record)
        return 0;
    size_t len = record_get_text(record, ENTRY_TRACE_STATE, out, CRYO_TRACE_STATE_MAX);
    span_unlock(span);
    return len;
}

/* Makes `out` the context of that span; what it carries besides stays. The record is locked, or
 * known to the caller alone. */
static void context_of_record(CryoSpan span, const Record *record, CryoContext *out)
{
    memcpy(out->trace_id, record->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, record->span_id, sizeof out->span_id);
    out->span = span;
    out->flags = record->flags;
    out->is_remote = record->bits & RECORD_IS_REMOTE;
    out->has_trace_state = (record->bits & RECORD_TRACE_STATE) != 0;
}

CryoContext cryo_context_of(CryoSpan span)
{
    CryoContext context = thread_locals.current;
    Record *record = span.slot && thread_state() ? span_lock(span) : NULL;
    if (!record)
        return context;
    context_of_record(span, record, &context);
    span_unlock(span);
    return context;
}

static const char *id_text(const uint8_t *id, size_t size, char *out)
{
    hex_write(out, id, size);
    out[2 * size] = '\0';
    return out;
}

const char *cryo_trace_id_text(const CryoSpanContext *context, char out[CRYO_TRACE_ID_TEXT])
{
    return id_text(context->trace_id, sizeof context->trace_id, out);
}

const char *cryo_span_id_text(const CryoSpanContext *context, char out[CRYO_SPAN_ID_TEXT])
{
    return id_text(context->span_id, sizeof context->span_id, out);
}
