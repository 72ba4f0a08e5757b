/* label_match.c - see label_match.h. */
#include "store/label_match.h"

static bool wants_regex(LabelOp op)
{
    return op == LABEL_REGEX || op == LABEL_NOT_REGEX;
}

static bool take(LabelMatch *match, const LabelMatcher *from, Err *err)
{
    LabelMatcher *to = &match->matchers[match->count];
    to->op = from->op;
    if (!arena_copy(match->arena, from->name, &to->name, err) ||
        !arena_copy(match->arena, from->value, &to->value, err))
        return false;
    if (wants_regex(from->op)) {
        match->regexes[match->count] = regex_new(to->value, REGEX_ANCHORED, err);
        if (!match->regexes[match->count])
            return blame(err, "label %.*s", STR_ARG(to->name));
    }
    match->count++;
    return true;
}

bool label_match_init(LabelMatch *match, const LabelMatcher *matchers, size_t count, Err *err)
{
    *match = (LabelMatch){ 0 };
    if (count > LABEL_MATCHERS_MAX)
        return fail(err, ERR_LIMIT, "%zu matchers, at most %d are taken", count,
                    LABEL_MATCHERS_MAX);
    match->arena = arena_new(LABEL_MATCH_TEXT_MAX, err);
    if (!match->arena)
        return false;
    match->matchers = ARENA_MAKE(match->arena, LabelMatcher, count + 1, err);
    match->regexes = ARENA_MAKE(match->arena, Regex *, count + 1, err);
    bool good = match->matchers && match->regexes;
    for (size_t i = 0; good && i < count; i++)
        good = take(match, &matchers[i], err);
    if (!good)
        label_match_done(match);
    return good;
}

void label_match_done(LabelMatch *match)
{
    for (size_t i = 0; i < match->count; i++)
        regex_free(match->regexes[i]);
    arena_free(match->arena);
    *match = (LabelMatch){ 0 };
}

bool label_match_value(const LabelMatch *match, size_t i, Str value)
{
    const LabelMatcher *matcher = &match->matchers[i];
    bool holds = wants_regex(matcher->op) ? regex_matches(match->regexes[i], value)
                                          : str_eq(matcher->value, value);
    return holds == (matcher->op == LABEL_EQUAL || matcher->op == LABEL_REGEX);
}

bool label_matches(const LabelMatch *match, Labels labels)
{
    for (size_t i = 0; i < match->count; i++)
        if (!label_match_value(match, i, labels_get(labels, match->matchers[i].name)))
            return false;
    return true;
}
