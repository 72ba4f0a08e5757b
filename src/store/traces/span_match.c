/* span_match.c - matchers against a row, the cheap ones first; see span_match.h.
 *
 * What a row holds (service, name, kind, status, times) is compared without touching the batch.
 * Only then are attributes looked for in the batch's bytes.
 */
#include "store/traces/span_match.h"

#include "model/signal.h"
#include "otlp/value_text.h"
#include "otlp/view.h"

static bool copy_matchers(SpanMatch *match, const SpanScan *query, Err *err)
{
    match->matchers = ARENA_MAKE(match->arena, Matcher, query->matcher_count + 1, err);
    if (!match->matchers)
        return false;
    /* Twice over the list: those on the row come first, those that read the batch behind them. */
    for (int attributes = 0; attributes <= 1; attributes++) {
        for (size_t i = 0; i < query->matcher_count; i++) {
            const Matcher *from = &query->matchers[i];
            if ((from->field >= MATCH_SCOPE_NAME) != attributes)
                continue;
            Matcher *to = &match->matchers[match->count++];
            *to = *from;
            if (!arena_copy(match->arena, from->key, &to->key, err) ||
                !arena_copy(match->arena, from->value, &to->value, err))
                return false;
        }
    }
    return true;
}

bool span_match_init(SpanMatch *match, const SpanScan *query, Err *err)
{
    *match = (SpanMatch){
        .duration_min_ns = query->duration_min_ns,
        .duration_max_ns = query->duration_max_ns,
        .scratch = BUF(MATCH_TEXT_MAX),
    };
    if (query->matcher_count > MATCHERS_MAX)
        return fail(err, ERR_LIMIT, "more than %d conditions", MATCHERS_MAX);
    match->arena = arena_new(MATCH_TEXT_MAX, err);
    return match->arena && copy_matchers(match, query, err);
}

void span_match_done(SpanMatch *match)
{
    arena_free(match->arena);
    buf_free(&match->scratch);
    *match = (SpanMatch){ 0 };
}

/* What a span lasts: 0 when it ends before it starts. */
static uint64_t span_row_duration(const SpanRow *row)
{
    return row->end_ns > row->start_ns ? row->end_ns - row->start_ns : 0;
}

/* A value's text that is larger than the scratch's ceiling equals no matcher's, which is smaller.
 */
static bool among(Attributes list, const Matcher *matcher, SpanMatch *match)
{
    ValueView value;
    if (!attributes_find(list, matcher->key, &value))
        return false;
    bool equal = value_text_is(&value, matcher->value, &match->scratch);
    match->starved |= match->scratch.failed && !match->scratch.over_max;
    buf_clear(&match->scratch);
    return equal;
}

static bool among_events(const SpanRow *row, const Matcher *matcher, SpanMatch *match)
{
    SpanView span = span_view(row->batch, row->span);
    for (EventView event; event_next(&span.events, &event);)
        if (among(event.attributes, matcher, match))
            return true;
    return false;
}

static bool has_event(const SpanRow *row, Str name)
{
    SpanView span = span_view(row->batch, row->span);
    for (EventView event; event_next(&span.events, &event);)
        if (str_eq(event.name, name))
            return true;
    return false;
}

static ScopeView scope_view_of(const SpanRow *row)
{
    return scope_view(row->batch, batch_scope_of_item(row->batch, row->span));
}

static Attributes resource_of(const SpanRow *row)
{
    size_t scope = batch_scope_of_item(row->batch, row->span);
    return resource_attributes(row->batch, batch_resource_of_scope(row->batch, scope));
}

static Attributes scope_of(const SpanRow *row)
{
    return scope_attributes(row->batch, batch_scope_of_item(row->batch, row->span));
}

static bool has_equal(SpanMatch *match, const Matcher *matcher, const SpanRow *row)
{
    switch (matcher->field) {
    case MATCH_SERVICE: return str_eq(row->service, matcher->value);
    case MATCH_NAME: return str_eq(row->name, matcher->value);
    case MATCH_KIND: return str_eq(span_kind_name(row->kind), matcher->value);
    case MATCH_STATUS: return str_eq(status_code_name(row->status), matcher->value);
    case MATCH_SCOPE_NAME: return str_eq(scope_view_of(row).name, matcher->value);
    case MATCH_SCOPE_VERSION: return str_eq(scope_view_of(row).version, matcher->value);
    case MATCH_EVENT_NAME: return has_event(row, matcher->value);
    case MATCH_SPAN_ATTRIBUTE: return among(item_attributes(row->batch, row->span), matcher, match);
    case MATCH_RESOURCE_ATTRIBUTE: return among(resource_of(row), matcher, match);
    case MATCH_ANY_ATTRIBUTE:
        return among(item_attributes(row->batch, row->span), matcher, match) ||
               among(resource_of(row), matcher, match) || among(scope_of(row), matcher, match) ||
               among_events(row, matcher, match);
    }
    return false;
}

bool span_matches(SpanMatch *match, const SpanRow *row)
{
    uint64_t duration = span_row_duration(row);
    if (duration < match->duration_min_ns ||
        (match->duration_max_ns && duration > match->duration_max_ns))
        return false;
    for (size_t i = 0; i < match->count; i++) {
        bool wanted = match->matchers[i].op == MATCH_EQUAL;
        if (has_equal(match, &match->matchers[i], row) != wanted)
            return false;
    }
    return true;
}
